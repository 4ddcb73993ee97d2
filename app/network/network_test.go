package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting returns a network whose connections are counted.
func counting(t *testing.T, offline bool) (*Network, *atomic.Int64) {
	var dialled atomic.Int64
	var d net.Dialer
	n := WithDial(offline, func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return d.DialContext(ctx, network, address)
	})
	t.Cleanup(n.Close)
	return n, &dialled
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestOffline(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); io.WriteString(w, "hello") }))
	defer server.Close()
	n, dialled := counting(t, true)
	c := n.Client()
	for _, url := range []string{server.URL, "https://a.name.that.must.not.be.looked.up.invalid/"} {
		if _, err := get(t, c, url); !errors.Is(err, ErrOffline) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if dialled.Load() != 0 || asked.Load() != 0 {
		t.Errorf("offline, %d connections were opened and %d requests made", dialled.Load(), asked.Load())
	}
	n.SetOffline(false)
	if s, err := get(t, c, server.URL); s != "hello" || err != nil {
		t.Errorf("online: %q, %v", s, err)
	}
	n.SetOffline(true) // though a connection is idle
	if _, err := get(t, c, server.URL); !errors.Is(err, ErrOffline) {
		t.Error(err)
	}
	if dialled.Load() != 1 || asked.Load() != 1 {
		t.Errorf("%d connections, %d requests", dialled.Load(), asked.Load())
	}
}

// TestCut wants a response on its way to end when the switch is turned.
func TestCut(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	defer server.Close()
	n, _ := counting(t, false)
	resp, err := n.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	n.SetOffline(true)
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a response ended well after its connection was cut")
	}
	<-gone
	if len(n.open) != 0 {
		t.Errorf("%d connections are still known", len(n.open))
	}
}
