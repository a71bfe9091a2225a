//go:build !linux

package process

import (
	"net/netip"
	"syscall"
)

// groupLeader puts the program into a group of its own.
func groupLeader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownBytes is unknown here: the limit is not enforced.
func ownBytes(int) int64 { return 0 }

// checkPeer takes each client for the function's: which process made a connection
// is not known here.
func checkPeer(int, netip.AddrPort, netip.AddrPort) error { return nil }
