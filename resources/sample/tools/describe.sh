#!/bin/sh
# Says what this step runs on, as the step itself sees it.
echo "platform asked for: $1"
echo "machine seen here:  $(uname -m)"
