package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"burble/app/network"
)

// Problem is an answer of the hub that is not what was asked for, in words for the user.
type Problem struct {
	Text string
	// Page is an address that helps, such as the one where a repository's terms are accepted; or empty.
	Page string
	// Token says that a token is missing, or that the one there is does not do.
	Token bool

	status int
	again  bool          // it may be over soon
	after  time.Duration // the server's wish when to come again; 0: none
}

func (p *Problem) Error() string { return p.Text }

// maxMessage is the most of a server's own words that are shown.
const maxMessage = 200

// refused explains a response that is not what was asked for. token says that the request carried one.
func (c *Client) refused(resp *http.Response, repo string, token bool) *Problem {
	host := resp.Request.URL.Host
	p := &Problem{status: resp.StatusCode, Page: c.Page(repo)}
	if repo == "" {
		p.Page = ""
	}
	code := resp.Header.Get("X-Error-Code")
	if !c.ours(resp.Request.URL) {
		code = "" // a storage host: its word counts for less
	}
	switch s := resp.StatusCode; {
	case code == "GatedRepo" && token:
		p.Text = fmt.Sprintf("the repository %s is gated, and the account of your token may not read it yet: open its page, accept its terms with that account, and try again. Some authors approve each request by hand.", repo)
		p.Token = true
	case code == "GatedRepo":
		p.Text = fmt.Sprintf("the repository %s is gated: open its page, accept its terms, and add a token of the account that you did it with.", repo)
		p.Token = true
	case code == "EntryNotFound":
		p.Text = fmt.Sprintf("the file is not in %s any more: look at the list again", repo)
	case code == "RevisionNotFound":
		p.Text = fmt.Sprintf("the repository %s has changed, and what was listed is not there any more: look at the list again", repo)
	case code == "RepoNotFound" && !token, s == http.StatusUnauthorized && !token:
		p.Text = fmt.Sprintf("there is no repository %s, or it is private: check the name, or add a token of an account that may read it", repo)
		p.Page, p.Token = "", true
	case s == http.StatusUnauthorized:
		p.Text = "the hub does not accept your token: it may have been copied in part, revoked, or expired"
		p.Page, p.Token = c.TokenPage(), true
	case s == http.StatusForbidden && c.ours(resp.Request.URL):
		p.Text = fmt.Sprintf("the repository %s may not be read: its author has closed it, or your token has no right to read it", repo)
		p.Token = true
	case s == http.StatusForbidden: // the address that the hub gave out has expired; it gives out another
		p.Text = fmt.Sprintf("the server %s refuses to send the file (403)", host)
		p.again = true
	case s == http.StatusNotFound, s == http.StatusGone:
		p.Text = fmt.Sprintf("there is no %s on %s: check the name", repo, host)
		if repo == "" {
			p.Text = fmt.Sprintf("the server %s is no hub that can be searched: check HF_ENDPOINT", host)
		}
		p.Page = ""
	case s == http.StatusTooManyRequests:
		p.Text = fmt.Sprintf("the server %s has had too many requests from here, and asks to wait", host)
		p.again = true
	case s == http.StatusRequestTimeout, s >= 500:
		p.Text = fmt.Sprintf("the server %s has a problem of its own (%s)", host, resp.Status)
		p.again = true
	default:
		p.Text = fmt.Sprintf("the server %s refuses (%s)", host, resp.Status)
		if m := clean(resp.Header.Get("X-Error-Message"), maxMessage); m != "" {
			p.Text += ": " + m
		}
	}
	p.after = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return p
}

// clean makes words of a server's printable and short.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.TrimSpace(s)
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3).
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(min(max(n, 0), 1<<30)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// unreachable explains why there is no response. What the user or the offline switch did stays recognisable.
func (c *Client) unreachable(err error) error {
	if errors.Is(err, network.ErrOffline) {
		return network.ErrOffline
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	host := c.endpoint.Host
	var u *url.Error
	if errors.As(err, &u) {
		if at, e := url.Parse(u.URL); e == nil && at.Host != "" {
			host = at.Host
		}
		err = u.Err // without the address, which may be long and signed
	}
	p := &Problem{again: true}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		p.Text = fmt.Sprintf("the server %s can't be found: is this machine connected to the internet?", host)
	case errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()):
		p.Text = fmt.Sprintf("the server %s does not answer", host)
	default:
		p.Text = fmt.Sprintf("the connection to %s failed: %v", host, err)
	}
	return p
}
