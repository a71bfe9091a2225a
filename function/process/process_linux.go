package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupLeader puts the program into a group of its own, and has the system end
// it with the thread that starts it.
func groupLeader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// ownBytes adds up the memory of the process and all that descend from it,
// without what is mapped from files: their programs and libraries.
func ownBytes(pid int) int64 {
	total := int64(0)
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		if fields := bytes.Fields(text); len(fields) > 2 {
			resident, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			mapped, _ := strconv.ParseInt(string(fields[2]), 10, 64)
			total = (resident - mapped) * int64(os.Getpagesize())
		}
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range bytes.Fields(text) {
			if n, err := strconv.Atoi(string(child)); err == nil {
				total += ownBytes(n)
			}
		}
	}
	return total
}
