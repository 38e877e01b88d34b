#!/usr/bin/python3 -I
"""The empty function in Python, over one kept connection: the comparison of `make bench-host`."""
import http.client
import os

PREFIX = "/2018-06-01/runtime/invocation/"
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    connection.request("GET", PREFIX + "next")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        break
    name = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    connection.request("POST", PREFIX + name + "/response", b"{}")
    connection.getresponse().read()
