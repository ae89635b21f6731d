"""A training goes on where nobody can read what it says."""

import os

from rich.console import Console

from training.lasting_stream import LastingStream
from training.progress import EpochSummary, TrainingProgress


def test_a_closed_pipe_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as file:
        stream = LastingStream(file)
        with TrainingProgress("r", 4, 1, Console(file=stream)) as progress:
            for epoch in range(1, 5):
                progress.end_epoch(EpochSummary(epoch, 1.0, None, 10.0))
                stream.flush()
    # The file is closed without an error, too: what it held went nowhere.


def test_an_output_that_was_closed_at_the_start_is_no_error():
    stream = LastingStream(None)
    print("text", file=stream, flush=True)
    stream.close()


def test_what_can_be_delivered_is():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        print("text", file=LastingStream(file))
    with os.fdopen(reading) as file:
        assert file.read() == "text\n"
