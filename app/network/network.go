// Package network makes Burble's connections. Everything that talks to another machine, or to a server on this one, gets its
// HTTP client here, so that one switch can forbid it all.
package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// ErrOffline is what every request fails with while Burble is offline.
var ErrOffline = errors.New("offline mode is on, so no connection is opened: turn it off in the settings, under Privacy")

// Network opens connections, or refuses to. It is safe for concurrent use.
type Network struct {
	transport *http.Transport

	mu      sync.Mutex
	offline bool
	open    map[*conn]struct{}
}

// Dial opens a connection. It is net.Dialer's DialContext outside tests.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// New returns a network that is online, or offline. Proxies are taken from the environment.
func New(offline bool) *Network {
	return WithDial(offline, (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext)
}

// WithDial is New with its way to open connections passed in.
func WithDial(offline bool, dial Dial) *Network {
	n := &Network{offline: offline, open: map[*conn]struct{}{}}
	// HTTP/1.1 gives every download a connection of its own, and is spoken by every server that there is. The program is built
	// without HTTP/2 (Makefile), and behaves the same in tests, which are not.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	n.transport = &http.Transport{
		Protocols: &protocols,
		Proxy:     http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if n.Offline() { // before a name is looked up
				return nil, ErrOffline
			}
			c, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return n.keep(c)
		},
		MaxIdleConns:        16,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     60 * time.Second,
		TLSHandshakeTimeout: 20 * time.Second,
	}
	return n
}

// Client returns an HTTP client. Its requests fail with an error that wraps ErrOffline while the network is offline. It has no
// timeout: give each request a context. The caller may set CheckRedirect and the like, not Transport.
func (n *Network) Client() *http.Client { return &http.Client{Transport: roundTripper{n}} }

// SetOffline turns the switch. Going offline cuts the connections that are open.
func (n *Network) SetOffline(offline bool) {
	n.mu.Lock()
	changed := n.offline != offline
	n.offline = offline
	var cut []*conn
	if offline {
		for c := range n.open {
			cut = append(cut, c)
		}
	}
	n.mu.Unlock()
	if !changed || !offline {
		return
	}
	n.transport.CloseIdleConnections()
	for _, c := range cut {
		c.Close()
	}
}

// Offline reports whether connections are refused.
func (n *Network) Offline() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.offline
}

// Close closes idle connections. Those in use belong to who uses them.
func (n *Network) Close() { n.transport.CloseIdleConnections() }

// keep notes a new connection, or closes it where the switch was turned meanwhile.
func (n *Network) keep(c net.Conn) (net.Conn, error) {
	kept := &conn{Conn: c, n: n}
	n.mu.Lock()
	offline := n.offline
	if !offline {
		n.open[kept] = struct{}{}
	}
	n.mu.Unlock()
	if offline {
		c.Close()
		return nil, ErrOffline
	}
	return kept, nil
}

// conn is a connection that its network knows of.
type conn struct {
	net.Conn
	n    *Network
	once sync.Once
	err  error
}

// Close closes the connection.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.n.mu.Lock()
		delete(c.n.open, c)
		c.n.mu.Unlock()
		c.err = c.Conn.Close()
	})
	return c.err
}

// roundTripper refuses requests while offline, also those for which there is an idle connection.
type roundTripper struct{ n *Network }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.n.Offline() {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, ErrOffline
	}
	resp, err := r.n.transport.RoundTrip(req)
	if err != nil && r.n.Offline() && req.Context().Err() == nil {
		err = fmt.Errorf("%w (the connection was cut)", ErrOffline)
	}
	return resp, err
}

// UserAgent is what Burble calls itself: name, version and system, and nothing of the user's.
func UserAgent(version string) string {
	return fmt.Sprintf("burble/%s (%s; %s)", version, runtime.GOOS, runtime.GOARCH)
}
