//go:build !windows && !darwin

package secret

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNoBus wants a session without a bus, with a bus that never says a word, and with one that goes away, to cost no
// more than a moment.
func TestNoBus(t *testing.T) {
	defer func(d time.Duration) { probeTime = d }(probeTime)
	probeTime = 100 * time.Millisecond
	dir, err := os.MkdirTemp("", "bus") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, serve := range map[string]func(net.Conn){
		"none": nil,
		"silent": func(c net.Conn) {
			buffer := make([]byte, 512)
			for {
				if _, err := c.Read(buffer); err != nil {
					return
				}
			}
		},
		"gone": func(c net.Conn) { c.Close() },
		"half": func(c net.Conn) {
			buffer := make([]byte, 512)
			for {
				n, err := c.Read(buffer)
				if err != nil {
					return
				}
				if strings.Contains(string(buffer[:n]), "AUTH") {
					_, _ = c.Write([]byte("OK 1234deadbeef\r\n")) // and nothing after that
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(dir, name)
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
			if serve != nil {
				l, err := net.Listen("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				var running sync.WaitGroup
				defer running.Wait()
				defer l.Close()
				running.Go(func() {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						running.Go(func() { defer c.Close(); serve(c) })
					}
				})
			}
			begun := time.Now()
			s := Open(t.TempDir())
			if err := s.Set("a", "value"); err != nil {
				t.Fatal(err)
			}
			if v, err := s.Get("a"); v != "value" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
			if p := s.Where(); p.Keyring || p.Why != errNoService.Error() {
				t.Errorf("%+v", p)
			}
			if d := time.Since(begun); d > 5*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}
