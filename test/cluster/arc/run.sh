#!/bin/sh
# Stands where the runner's own program would, which needs GitHub: waits, and ends with the exit code that /tmp/exit has.
trap 'exit 143' TERM INT
while [ ! -s /tmp/exit ]; do sleep 0.2; done
exit "$(cat /tmp/exit)"
