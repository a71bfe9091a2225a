package machine

import "golang.org/x/sys/unix"

const uptimeClock = unix.CLOCK_BOOTTIME
