#!/bin/sh
# Takes the place of the binary in tests: says something on both streams and fails.
echo "out $1"
echo err >&2
echo more >&2
exit 1
