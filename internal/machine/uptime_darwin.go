package machine

import "golang.org/x/sys/unix"

const uptimeClock = unix.CLOCK_MONOTONIC // which goes on while the machine sleeps
