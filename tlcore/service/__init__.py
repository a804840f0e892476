"""A finished run's model as a small HTTP service.

`answering` is the application, `description` its OpenAPI document, `starting` listens and ends, `folder` packs it for other machines.
"""
