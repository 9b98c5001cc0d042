"""The routes, by what a page wants: home, runs, trainings, answers of a model, data, and what leaves home. Each is a
function of the studio.

Everything that computes is a plain function, which FastAPI runs in a thread, so that no request waits for another.
"""
