#!/bin/sh
# The smallest runtime of one's own: curl in a loop, each answer says how long the event was.
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
head=$(mktemp)
trap 'rm -f "$head"' EXIT
while event=$(curl -sS --fail -D "$head" "$api/next"); do
    id=$(tr -d '\r' <"$head" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
    curl -sS -o /dev/null -d "{\"bytes\":${#event},\"handler\":\"$_HANDLER\"}" "$api/$id/response"
done
