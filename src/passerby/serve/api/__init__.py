"""The routes of the service: each takes apart what is asked, calls the gallery, and puts together the answer."""
