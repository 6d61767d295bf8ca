package gateway

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// firstInherited is the descriptor of the first socket that systemd hands
// over (sd_listen_fds(3)).
const firstInherited = 3

// listeners returns the data and the control listener: sockets that systemd
// holds (LISTEN_FDS, named "data" and "control" by LISTEN_FDNAMES, else in
// that order), so that connections wait in the backlog while the gateway is
// replaced (G3); otherwise new ones at the configured addresses.
func listeners(data, control string) (_, _ net.Listener, err error) {
	inherited, err := inherit()
	if err != nil {
		return nil, nil, err
	}
	d, err := pick(inherited["data"], data)
	if err != nil {
		return nil, nil, fmt.Errorf("open the data listener: %w", err)
	}
	c, err := pick(inherited["control"], control)
	if err != nil {
		d.Close() //nolint:errcheck // the first error counts
		return nil, nil, fmt.Errorf("open the control listener: %w", err)
	}
	return d, c, nil
}

func pick(inherited net.Listener, address string) (net.Listener, error) {
	if inherited != nil {
		return inherited, nil
	}
	return net.Listen("tcp", address)
}

// inherit takes over the sockets that the environment announces for this
// process.
func inherit() (map[string]net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 16 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a number of sockets", os.Getenv("LISTEN_FDS"))
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	order := []string{"data", "control"}
	out := map[string]net.Listener{}
	for i := range n {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		if name != "data" && name != "control" && i < len(order) {
			name = order[i]
		}
		syscall.CloseOnExec(firstInherited + i)
		f := os.NewFile(uintptr(firstInherited+i), name)
		l, err := net.FileListener(f)
		f.Close() //nolint:errcheck // net has its own copy
		if err != nil {
			return nil, fmt.Errorf("take over socket %d (%s): %w", firstInherited+i, name, err)
		}
		out[name] = l
	}
	return out, nil
}

// loopback reports whether only this machine reaches the listener (I2).
func loopback(l net.Listener) bool {
	host, _, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
