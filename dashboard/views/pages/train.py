"""Train: a form that starts a training, and the trainings started from it."""

from dashboard.views.home import train

train.show()
