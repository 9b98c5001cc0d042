"""The studio (工作室): a page in the browser that trains the nets and looks inside them.

    app.py        the application: `create_app(runs_dir, port=...)`; routes/ are its parts
    security.py   the gate that every request passes
    jobs.py       trainings as processes of their own; channel.py, worker.py: how one speaks with them
    shipping.py   exports and servers, processes like them (shipper.py)
    answers.py    learned models kept at hand; inputs.py, arrays.py: what a page sends and gets
    live.py       a run's events as they come; form.py: the form of a recipe; uploads.py: a person's own data
    web/          the page's sources (Svelte); static/: the page as built
"""
