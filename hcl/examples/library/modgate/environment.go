package modgate

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// Environment is what a process must be told to find its gateway. A gateway
// that supervises the process sets the variables itself.
type Environment struct {
	Control    string // MODGATE_CONTROL: origin of the control listener
	Data       string // MODGATE_DATA: origin of the data listener
	JoinSecret string // MODGATE_JOIN_SECRET: admits registrations (I1)
	Port       string // PORT: where to listen on loopback; empty or 0: any
}

// ReadEnvironment reads the variables, and names all that are missing.
func ReadEnvironment() (Environment, error) {
	var missing []string
	want := func(name string) string {
		v := os.Getenv(name)
		if v == "" {
			missing = append(missing, name)
		}
		return v
	}
	e := Environment{
		Control:    strings.TrimSuffix(want("MODGATE_CONTROL"), "/"),
		Data:       strings.TrimSuffix(want("MODGATE_DATA"), "/"),
		JoinSecret: want("MODGATE_JOIN_SECRET"),
		Port:       os.Getenv("PORT"),
	}
	if len(missing) > 0 {
		return e, fmt.Errorf("read environment: not set: %s", strings.Join(missing, ", "))
	}
	return e, nil
}

// listen opens the module's own port, on loopback: only the gateway may reach
// a module, since the module believes its Modgate-Epoch.
func (e Environment) listen() (net.Listener, error) {
	port := e.Port
	if port == "" {
		port = "0"
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	var in *net.OpError
	if errors.As(err, &in) {
		return nil, fmt.Errorf("listen on PORT %s: %w", port, in.Err)
	}
	return ln, err
}
