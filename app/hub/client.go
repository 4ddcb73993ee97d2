// Package hub finds models on Hugging Face, or a mirror of it, and downloads them.
//
// A [Client] asks the hub: what repositories there are, and which GGUF files one holds. [Downloads] is the list of downloads
// under way: it survives breaks of the connection and restarts of the program, and lets nothing into the models folder
// that has not the checksum the hub names.
//
// The HTTP interface is that of https://huggingface.co/docs/hub/api, and the headers are those of its client library, huggingface_hub.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// DefaultEndpoint is the hub that is asked where no other is named.
const DefaultEndpoint = "https://huggingface.co"

// Options of a Client.
type Options struct {
	// Endpoint is the hub's address; empty: that of the environment variable HF_ENDPOINT, else DefaultEndpoint.
	Endpoint string
	// HTTP makes the connections. Its CheckRedirect is not used.
	HTTP *http.Client
	// Token returns the user's token, or "" where there is none; nil: there is none. It is asked before each request, and
	// goes to Endpoint alone, and only over HTTPS or to this machine.
	Token func() string
	// UserAgent is what Burble calls itself.
	UserAgent string
}

// Client asks a hub. It is safe for concurrent use.
type Client struct {
	endpoint *url.URL
	http     *http.Client
	token    func() string
	agent    string
	idle     time.Duration // after which a connection that says nothing is given up
	sleep    func(context.Context, time.Duration) error
	free     func(folder string) (bytes int64, err error)
}

// New returns a client. Nothing is connected to before it is asked for.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = os.Getenv("HF_ENDPOINT")
	}
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimRight(o.Endpoint, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" {
		return nil, fmt.Errorf("%q is no address of a hub: HF_ENDPOINT wants one such as %s", o.Endpoint, DefaultEndpoint)
	}
	c := &Client{endpoint: u, token: o.Token, agent: o.UserAgent, idle: time.Minute, sleep: sleep, free: freeSpace}
	if c.token == nil {
		c.token = func() string { return "" }
	}
	client := *o.HTTP
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("the server sends us round in circles")
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("the server sends us to a connection that is not encrypted")
		}
		if !c.ours(req.URL) { // a storage host, also one below the hub's own domain, has no business with the token
			req.Header.Del("Authorization")
		}
		req.Header.Del("Referer")
		return nil
	}
	c.http = &client
	return c, nil
}

// Endpoint returns the address of the hub.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// Page returns the address of a repository's page.
func (c *Client) Page(repo string) string { return c.Endpoint() + "/" + repo }

// TokenPage returns the address of the page on which a user makes tokens.
func (c *Client) TokenPage() string { return c.Endpoint() + "/settings/tokens" }

// ours reports whether u is at the endpoint.
func (c *Client) ours(u *url.URL) bool {
	return u.Scheme == c.endpoint.Scheme && u.Host == c.endpoint.Host
}

// safe reports whether a token can be sent to the endpoint without everybody on the way reading it.
func (c *Client) safe() bool {
	if c.endpoint.Scheme == "https" {
		return true
	}
	host := c.endpoint.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// request makes a GET request below the endpoint. It reports whether it carries a token.
func (c *Client) request(ctx context.Context, path string, query url.Values) (*http.Request, bool, error) {
	address := c.Endpoint() + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("User-Agent", c.agent)
	token := strings.TrimSpace(c.token())
	if token == "" || !c.safe() {
		return req, false, nil
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, false, errors.New("the token for Hugging Face holds characters that a token can't have: copy it again")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req, true, nil
}

// maxReply is the most bytes of JSON that are read: a repository of ten thousand files fits well.
const maxReply = 32 << 20

// get asks for JSON. repo is the repository that the request is about, for errors; or empty.
func (c *Client) get(ctx context.Context, repo, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.idle)
	defer cancel()
	req, token, err := c.request(ctx, path, query)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.refused(resp, repo, token)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(into); err != nil {
		if ctx.Err() != nil {
			return c.unreachable(err)
		}
		return fmt.Errorf("the server %s gave an answer that can't be understood (%w): is it a hub?", c.endpoint.Host, err)
	}
	return nil
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
