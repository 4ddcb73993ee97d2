package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Address reads a server's address as people write it: with or without http://, with or without /v1, or with the rest of a
// request's path copied along. The result has no slash at its end.
func Address(text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("the address is empty: it looks like http://localhost:8080/v1")
	}
	if !strings.Contains(text, "://") {
		// http is what servers on one's own machine and network speak; the rest of the world is not to overhear a key.
		scheme := "https://"
		if u, err := url.Parse("http://" + text); err == nil && isPrivate(u.Hostname()) {
			scheme = "http://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	if err != nil {
		var wrong *url.Error
		if errors.As(err, &wrong) { // it would repeat the address, which may hold a password
			err = wrong.Err
		}
		return nil, fmt.Errorf("the address can't be read: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the address begins with %s://; a server's begins with http:// or https://", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the address names no machine: it looks like http://localhost:8080/v1")
	case u.User != nil:
		return nil, errors.New("the address holds a user name or a password: leave them out, and give the server's key as its key")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the address has something behind a ? or #: it ends with the path, such as /v1")
	}
	p := strings.TrimRight(u.Path, "/")
	for _, tail := range []string{"/chat/completions", "/completions", "/models", "/chat"} {
		if cut, ok := strings.CutSuffix(p, tail); ok {
			p = strings.TrimRight(cut, "/")
			break
		}
	}
	u.Path, u.RawPath = p, ""
	return u, nil
}

// versioned is a path that ends as that of an API does: /v1, /api/v3, /v1beta.
var versioned = regexp.MustCompile(`/v[0-9]+[a-z0-9]*$`)

// bases are the addresses below which the API may be, the likeliest first.
func bases(u *url.URL) []string {
	base := u.String()
	if versioned.MatchString(u.Path) {
		return []string{base}
	}
	return []string{base + "/v1", base}
}

// root is the address below which a server keeps what is not part of OpenAI's API.
func root(base string) string {
	if loc := versioned.FindStringIndex(base); loc != nil {
		return base[:loc[0]]
	}
	return base
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.Unmap().IsLoopback() || a.IsUnspecified())
}

// isPrivate reports whether a host is this machine or one of the user's own network.
func isPrivate(host string) bool {
	if isLocal(host) {
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		return a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".lan") ||
		strings.HasSuffix(host, ".internal") || strings.HasSuffix(host, ".home.arpa")
}

// overheard says that a key travels where others can read it; or nothing.
func overheard(u *url.URL, key string) string {
	if key == "" || u.Scheme != "http" || isLocal(u.Hostname()) {
		return ""
	}
	return fmt.Sprintf("The key and all you write travel to %s in the clear (http), where others on the way can read them. "+
		"Use https where the server offers it.", hostPort(u))
}

// hostPort is a host for people.
func hostPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Hostname()
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}
