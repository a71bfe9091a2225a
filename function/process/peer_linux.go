package process

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkPeer returns nil if the process pid, one of its descendants or one of its
// process group has the client's end of a connection. The system does not show the
// files of another user's processes to everyone: of those it must do that the
// connection is of the user whose process pid is.
func checkPeer(pid int, client, server netip.AddrPort) error {
	inode, uid, err := socketOf(client, server)
	if err != nil {
		return err
	}
	hidden := false
	link := "socket:[" + inode + "]"
	for _, p := range family(pid) {
		switch found, err := hasFile(p, link); {
		case found:
			return nil
		case errors.Is(err, fs.ErrPermission):
			hidden = true
		}
	}
	if owner, err := ownerOf(pid); hidden && err == nil && owner != os.Getuid() && owner == uid {
		return nil
	}
	return errStranger
}

// socketOf returns the inode and the user of the socket at the client's end of a
// connection. A client may have a socket of IPv6 with an address of IPv4 in it.
func socketOf(client, server netip.AddrPort) (inode string, uid int, err error) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		local, remote := procAddr(client, table == "/proc/net/tcp6"), procAddr(server, table == "/proc/net/tcp6")
		in, err := os.Open(table)
		if err != nil {
			continue // a system without IPv6 has no second table
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			// sl local_address rem_address st queues timer retransmits uid timeout inode
			f := bytes.Fields(lines.Bytes())
			if len(f) > 9 && string(f[1]) == local && string(f[2]) == remote {
				in.Close()
				uid, err := strconv.Atoi(string(f[7]))
				return string(f[9]), uid, err
			}
		}
		in.Close()
	}
	return "", 0, fmt.Errorf("%w: /proc/net does not have its connection", errStranger)
}

// procAddr returns an address of IPv4 as /proc/net has it: words of 32 bits in the
// machine's byte order, in hexadecimal.
func procAddr(a netip.AddrPort, mapped bool) string {
	v4 := a.Addr().As4()
	word := make([]byte, 4)
	binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(v4[:]))
	text := strings.ToUpper(hex.EncodeToString(word))
	if mapped {
		marker := make([]byte, 4)
		binary.BigEndian.PutUint32(marker, binary.NativeEndian.Uint32([]byte{0, 0, 0xff, 0xff}))
		text = strings.Repeat("0", 16) + strings.ToUpper(hex.EncodeToString(marker)) + text
	}
	return fmt.Sprintf("%s:%04X", text, a.Port())
}

// family returns the process, its descendants and the others of its process group.
func family(pid int) []int {
	out := descendants(pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PPID PGRP; the name may have spaces and brackets
		f := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(f) < 3 || string(f[2]) != strconv.Itoa(pid) {
			continue
		}
		if p, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// hasFile reports whether a process has the file open that a link in its folder of
// open files names.
func hasFile(pid int, link string) (bool, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, f := range files {
		to, err := os.Readlink(filepath.Join(dir, f.Name()))
		if to == link {
			return true, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return false, err
		}
	}
	return false, nil
}
