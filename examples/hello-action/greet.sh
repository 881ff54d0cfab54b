#!/bin/sh
# Greets the first argument; says so in the log, in an output and in a file of the workspace.
set -eu
greeting="$(cat /greeter/word), $1$PUNCTUATION"
echo "$greeting"
echo "greeting=$greeting" >> "$GITHUB_OUTPUT"
echo "$greeting" > greeting.txt
echo "wrote $PWD/greeting.txt"
