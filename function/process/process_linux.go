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
	for _, p := range descendants(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p))
		if fields := bytes.Fields(text); err == nil && len(fields) > 2 {
			resident, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			mapped, _ := strconv.ParseInt(string(fields[2]), 10, 64)
			total += (resident - mapped) * int64(os.Getpagesize())
		}
	}
	return total
}

// descendants returns the process and all that descend from it.
func descendants(pid int) []int {
	out := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range bytes.Fields(text) {
			if n, err := strconv.Atoi(string(child)); err == nil {
				out = append(out, descendants(n)...)
			}
		}
	}
	return out
}

// ownerOf returns the user whose process pid is.
func ownerOf(pid int) (int, error) {
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("/proc/%d has no owner", pid)
	}
	return int(st.Uid), nil
}
