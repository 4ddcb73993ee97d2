package remote

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"burble/app/network"
)

// Errors, for errors.Is.
var (
	// ErrCut says that an answer broke off: what has come of it is good, and it may be gone on with.
	ErrCut = errors.New("the answer broke off")
	// ErrNoModel says that a server lacks a model.
	ErrNoModel = errors.New("no such model")

	errWebPage = errors.New("a web page, where an API should be: check the address. It often ends in /v1")
	errNoList  = errors.New("something that is no list of models: check the address. It often ends in /v1")
	errSilent  = errors.New("nothing has come for too long")
	errSlow    = errors.New("it has taken too long")
)

// StatusError is a server's answer that is none.
type StatusError struct {
	Code   int
	Server string // its name
	Path   string // what was asked for
	Detail string // the server's own words, in a line; or empty
	Keyed  bool   // a key was sent
	After  string // when to try again, as the server says; or empty
	Target string // where a redirection leads
	Param  string // the parameter that it is about, where the server says so
	Type   string // the server's name of the error, where it has one
	Need   int    // tokens of the prompt, where it is too long for the context
	Size   int    // tokens of the context, then
}

// Error says what to do.
func (e *StatusError) Error() string {
	said := ""
	if e.Detail != "" {
		said = ": " + e.Detail
	}
	switch {
	case e.tooLong():
		return fmt.Sprintf("the conversation does not fit the context of the model on %s%s", e.Server, said)
	case e.Code == http.StatusOK:
		return fmt.Sprintf("%s reports an error%s", e.Server, said)
	case e.Target != "":
		return fmt.Sprintf("%s sends Burble on to %s: if that is right, make it the server's address", e.Server, e.Target)
	case e.Code == http.StatusUnauthorized && e.Keyed:
		return fmt.Sprintf("%s does not take the key (401)%s", e.Server, said)
	case e.Code == http.StatusUnauthorized:
		return fmt.Sprintf("%s wants a key (401)%s", e.Server, said)
	case e.Code == http.StatusForbidden:
		return fmt.Sprintf("%s does not allow this (403): the key may not be meant for this model%s", e.Server, said)
	case e.Code == http.StatusProxyAuthRequired:
		return "the proxy on the way wants a name and a password (407): give them in the variable HTTPS_PROXY or HTTP_PROXY"
	case e.Code == http.StatusNotFound && strings.Contains(strings.ToLower(e.Detail), "model"):
		return fmt.Sprintf("%s has no such model (404)%s", e.Server, said)
	case e.Code == http.StatusNotFound || e.Code == http.StatusMethodNotAllowed:
		return fmt.Sprintf("%s has nothing at %s (%d): check the address. It often ends in /v1", e.Server, e.Path, e.Code)
	case e.Code == http.StatusRequestEntityTooLarge:
		return fmt.Sprintf("the conversation is too long for %s (413)%s", e.Server, said)
	case e.Code == http.StatusTooManyRequests:
		again := "try again later"
		if e.After != "" {
			again = "try again in " + e.After
		}
		return fmt.Sprintf("%s is asked too much, or what your key allows is used up (429): %s%s", e.Server, again, said)
	case e.Code == http.StatusBadRequest && strings.Contains(strings.ToLower(e.Detail), "http request to an https server"):
		return fmt.Sprintf("%s speaks https: write https:// in its address", e.Server)
	case e.Code == http.StatusBadRequest || e.Code == http.StatusUnprocessableEntity:
		return fmt.Sprintf("%s does not take the request (%d)%s", e.Server, e.Code, said)
	case e.loading():
		return fmt.Sprintf("%s is still loading its model (503): try again in a moment", e.Server)
	case e.Code == http.StatusBadGateway || e.Code == http.StatusServiceUnavailable || e.Code == http.StatusGatewayTimeout:
		return fmt.Sprintf("%s is not available now (%d): it may be starting, or too busy%s", e.Server, e.Code, said)
	case e.Code >= 500:
		return fmt.Sprintf("%s has failed (%d)%s", e.Server, e.Code, said)
	}
	return fmt.Sprintf("%s answers with status %d%s", e.Server, e.Code, said)
}

// tooLong reports whether the conversation is longer than the context.
func (e *StatusError) tooLong() bool {
	if e.Type == "exceed_context_size_error" || e.Type == "context_length_exceeded" { // llama-server, OpenAI
		return true
	}
	d := strings.ToLower(e.Detail)
	return e.Code == http.StatusBadRequest && (strings.Contains(d, "maximum context length") || // vLLM
		strings.Contains(d, "context length") && strings.Contains(d, "longer than")) // SGLang
}

// loading reports whether the server's model is on its way.
func (e *StatusError) loading() bool {
	return e.Code == http.StatusServiceUnavailable && strings.Contains(strings.ToLower(e.Detail), "loading model")
}

// status makes an error of an answer.
func (c *Client) status(resp *http.Response, address string, body []byte) *StatusError {
	e := &StatusError{Code: resp.StatusCode, Server: c.name, Keyed: c.key != ""}
	e.fill(body)
	e.Detail = c.hide(e.Detail)
	if u, err := url.Parse(address); err == nil {
		e.Path = u.Path
	}
	if isHTML(resp.Header, body) {
		e.Detail = "" // pages are not for reading here
	}
	if n := resp.Header.Get("Retry-After"); n != "" && len(n) < 8 && !strings.ContainsFunc(n, func(r rune) bool { return r < '0' || r > '9' }) {
		e.After = n + " seconds"
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		if to, err := resp.Location(); err == nil {
			e.Target = line(strings.TrimSuffix(to.Redacted(), "/models"))
		}
	}
	return e
}

// fill takes what is known from the body of an error: OpenAI's {"error": {"message": …}}, FastAPI's {"detail": …}, and
// whatever else servers send.
func (e *StatusError) fill(body []byte) {
	e.Detail = detail(body)
	var about struct {
		Param string          `json:"param"`
		Type  json.RawMessage `json:"type"`
		Code  json.RawMessage `json:"code"`
		Need  int             `json:"n_prompt_tokens"`
		Size  int             `json:"n_ctx"`
	}
	var wrapped struct {
		Error json.RawMessage `json:"error"`
	}
	inner := body
	if json.Unmarshal(body, &wrapped) == nil && len(wrapped.Error) > 0 {
		inner = wrapped.Error
	}
	if json.Unmarshal(inner, &about) != nil {
		return
	}
	text := func(r json.RawMessage) (s string) {
		_ = json.Unmarshal(r, &s) // a number is a status, which is known
		return s
	}
	e.Param, e.Type, e.Need, e.Size = about.Param, cmp.Or(text(about.Code), text(about.Type)), about.Need, about.Size
	if t := text(about.Type); t == "exceed_context_size_error" {
		e.Type = t
	}
}

// detail returns a server's own words in one line of a bearable length.
func detail(body []byte) string {
	var said struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &said) != nil {
		var s string
		if json.Unmarshal(body, &s) == nil {
			return line(s)
		}
		return line(string(body))
	}
	for _, part := range []json.RawMessage{said.Error, said.Message, said.Detail} {
		if len(part) == 0 || string(part) == "null" {
			continue
		}
		var s string
		if json.Unmarshal(part, &s) == nil {
			return line(s)
		}
		var object struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(part, &object) == nil && object.Message != "" {
			return line(object.Message)
		}
		var list []struct { // of a validation
			Where []any  `json:"loc"`
			What  string `json:"msg"`
		}
		if json.Unmarshal(part, &list) == nil && len(list) > 0 {
			var all []string
			for _, l := range list[:min(len(list), 4)] {
				where := make([]string, len(l.Where))
				for i, w := range l.Where {
					where[i] = fmt.Sprint(w)
				}
				all = append(all, strings.Join(where, ".")+" "+l.What)
			}
			return line(strings.Join(all, "; "))
		}
		return line(string(part))
	}
	return ""
}

// line makes one line of a text that somebody else has written, without what could confuse a terminal or a window.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	s = strings.Join(strings.Fields(s), " ")
	const most = 300
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strings.TrimSuffix(s, ".")
}

// hide takes the key out of what a server says.
func (c *Client) hide(s string) string {
	if c.key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.key, "(the key)")
}

// explain says in plain words why a request or a stream failed. An end of ctx that the user wanted stays context.Canceled.
func (c *Client) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		switch {
		case errors.Is(cause, errSilent):
			return fmt.Errorf("%s has sent nothing for %s, so Burble has stopped waiting", c.name, seconds(c.silence))
		case errors.Is(cause, errSlow), errors.Is(cause, context.DeadlineExceeded):
			return fmt.Errorf("%s at %s does not answer: is it running, and is the address right?", c.name, hostPort(c.url))
		}
		return context.Canceled
	}
	if errors.Is(err, network.ErrOffline) {
		return fmt.Errorf("%s can't be asked: %w", c.name, network.ErrOffline)
	}
	where := hostPort(c.url)
	var (
		dns       *net.DNSError
		op        *net.OpError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   net.Error
		text      = err.Error()
	)
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect" || strings.Contains(text, "proxyconnect"):
		return fmt.Errorf("the proxy that HTTP_PROXY or HTTPS_PROXY names can't be used: %s", c.hide(reason(err)))
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("there is no machine called %s: check the address, and the connection", dns.Name)
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s can't be looked up now: check the connection", dns.Name)
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s does not speak https: write http:// in its address", c.name)
	case strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return fmt.Errorf("%s speaks https: write https:// in its address", c.name)
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "readLoopPeekFail"): // the latter is net/http's word for who speaks first
		return fmt.Errorf("what answers at %s does not speak HTTP: check the port", where)
	case errors.As(err, &authority):
		return fmt.Errorf("the certificate of %s is signed by nobody that this machine trusts: add its authority to the system's certificates", where)
	case errors.As(err, &host):
		return fmt.Errorf("the certificate at %s is made out to another name: check the address", where)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate of %s is not valid now: it has expired, or this machine's clock is wrong", where)
	case errors.As(err, &invalid), strings.Contains(text, "tls:"), strings.Contains(text, "x509:"):
		return fmt.Errorf("no secure connection to %s: %s", where, c.hide(reason(err)))
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout(), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s at %s does not answer: is it running, and is the address right?", c.name, where)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("nothing answers at %s (%s): is the server running, and is the port right?", where, reason(op.Err))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return fmt.Errorf("%s has closed the connection: it may have ended, or be overloaded", c.name)
	}
	return fmt.Errorf("asking %s failed: %s", c.name, c.hide(reason(err)))
}

// reason is the innermost part of an error, without the address that net/http puts before it.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := err.Error()
	return line(strings.TrimPrefix(text, "connect: "))
}

// seconds writes a length of time for people.
func seconds(d time.Duration) string {
	switch {
	case d >= 2*time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	case d == time.Second:
		return "a second"
	case d < time.Second:
		return d.String()
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
