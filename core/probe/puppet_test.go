package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modgate/modgate/core/config"
)

// stage names, in the environment of a child process, the socket on which it
// reports to the test and takes orders: it is a puppet then.
const stage = "MODGATE_TEST_STAGE"

func TestMain(m *testing.M) {
	if path := os.Getenv(stage); path != "" {
		if err := play(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
	}
	os.Exit(m.Run())
}

// play reports the process' id, then obeys, one order a line, each answered
// with a line, until it is told to exit or gets SIGTERM.
func play(path string) error {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	fmt.Fprintln(conn, os.Getpid())
	go func() {
		for range terminated {
			fmt.Fprintln(conn, "terminated")
			os.Exit(0)
		}
	}()
	var s *Supervisor
	for orders := bufio.NewScanner(conn); orders.Scan(); {
		order, argument, _ := strings.Cut(orders.Text(), " ")
		switch order {
		case "exit":
			code, err := strconv.Atoi(argument)
			if err != nil {
				return err
			}
			os.Exit(code)
		case "print":
			fmt.Println(argument)
		case "env":
			fmt.Fprintln(conn, os.Getenv(argument))
			continue
		case "dir":
			argument, err = os.Getwd()
			fmt.Fprintln(conn, argument)
			continue
		case "ignore": // SIGTERM
			signal.Ignore(syscall.SIGTERM)
		case "fork":
			err = exec.Command(os.Args[0]).Start()
		case "supervise":
			s, err = OpenSupervisor(SupervisorOptions{Processes: []Process{{Name: "p", Command: os.Args[:1], StopTimeout: time.Minute}}})
			if err == nil {
				err = s.Start("p")
			}
		default:
			err = fmt.Errorf("no such order: %s", order)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(conn, "done")
	}
	return io.EOF
}

// puppet is a process that has reported.
type puppet struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
	pid   int
}

// theatre runs one process under a supervisor.
type theatre struct {
	*testing.T
	*Supervisor
	door    net.Listener
	base    Process // as it is declared first
	log     string  // path of the process' output
	changes changes
}

// open declares the process p, with what declare changes.
func open(t *testing.T, declare func(*Process)) *theatre {
	t.Helper()
	dir := t.TempDir()
	door, err := net.Listen("unix", filepath.Join(dir, "stage"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { door.Close() })
	p := Process{
		Name: "p", Command: os.Args[:1], Env: []string{stage + "=" + filepath.Join(dir, "stage"), "GORACE=atexit_sleep_ms=0"},
		Backoff: config.Backoff{Min: time.Millisecond, Max: 8 * time.Millisecond}, StopTimeout: time.Minute,
		LogFile: filepath.Join(dir, "log", "p.log"),
	}
	if declare != nil {
		declare(&p)
	}
	c := make(changes, 1)
	s, err := OpenSupervisor(SupervisorOptions{Processes: []Process{p}, Log: slog.New(c)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &theatre{t, s, door, p, p.LogFile, c}
}

func (th *theatre) start() *puppet {
	th.Helper()
	if err := th.Start("p"); err != nil {
		th.Fatal(err)
	}
	return th.next()
}

// next waits for the next process to report.
func (th *theatre) next() *puppet {
	th.Helper()
	conn, err := th.door.Accept()
	if err != nil {
		th.Fatal(err)
	}
	th.Cleanup(func() { conn.Close() })
	p := &puppet{t: th.T, conn: conn, lines: bufio.NewReader(conn)}
	if p.pid, err = strconv.Atoi(p.line()); err != nil {
		th.Fatal(err)
	}
	return p
}

// status returns the process' own, once it is in that state.
func (th *theatre) status(want State) Status {
	th.Helper()
	for {
		if s := th.List()[0]; s.State == want {
			return s
		}
		<-th.changes
	}
}

// changes is a log that tells of each entry, which comes after the change of
// state that it is about.
type changes chan struct{}

func (changes) Enabled(context.Context, slog.Level) bool { return true }
func (c changes) WithAttrs([]slog.Attr) slog.Handler     { return c }
func (c changes) WithGroup(string) slog.Handler          { return c }

func (c changes) Handle(context.Context, slog.Record) error {
	select {
	case c <- struct{}{}:
	default: // a change is told of already
	}
	return nil
}

func (p *puppet) line() string {
	p.t.Helper()
	text, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("puppet %d: %v", p.pid, err)
	}
	return strings.TrimSuffix(text, "\n")
}

// order has the puppet do something and returns its answer.
func (p *puppet) order(text string) string {
	p.t.Helper()
	fmt.Fprintln(p.conn, text)
	return p.line()
}

// exits has the puppet exit with the code.
func (p *puppet) exits(code int) {
	p.t.Helper()
	fmt.Fprintln(p.conn, "exit", code)
	p.ended()
}

// ended waits until the puppet's process is gone, and returns what it said
// last.
func (p *puppet) ended() string {
	p.t.Helper()
	text, err := io.ReadAll(p.lines)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Fatalf("puppet %d: %v", p.pid, err)
	}
	return strings.TrimSpace(string(text))
}
