#!/bin/sh
# Takes the place of the binary in tests of TestServer: announces an address, answers SIGTERM with exit
# code 3 and lives at most some seconds.
trap 'echo bye >&2; exit 3' TERM
echo "args $*" >&2
echo 'ready: listening on http://localhost:4711' >&2
for second in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1 &
    wait $!
done
