package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
)

const (
	// window is how many bytes of a file are read at once.
	window = 1 << 20
	// maxHead is how far into a file a head is read: the largest vocabularies take about 20 MB.
	maxHead = 48 << 20
)

// remote reads the beginning of a file on the hub, piece by piece as it is asked for.
type remote struct {
	c              *Client
	ctx            context.Context
	repo, revision string
	file           File

	mu   sync.Mutex
	head []byte // what has been read
}

// ReadAt reads at an offset.
func (r *remote) ReadAt(p []byte, at int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := min(at+int64(len(p)), r.file.Size)
	if at < 0 || at > r.file.Size || end > maxHead {
		return 0, errors.New("the head of the file is longer than that of any model")
	}
	for int64(len(r.head)) < end {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.head[at:end])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// more reads the next piece.
func (r *remote) more() error {
	ctx, cancel := context.WithTimeout(r.ctx, r.c.idle)
	defer cancel()
	req, token, err := r.c.request(ctx, filePath(r.repo, r.revision, r.file.Path), nil)
	if err != nil {
		return err
	}
	from := int64(len(r.head))
	to := min(from+window, r.file.Size)
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	resp, err := r.c.http.Do(req)
	if err != nil {
		return r.c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return r.c.refused(resp, r.repo, token)
	}
	start, _, ok := contentRange(resp.Header.Get("Content-Range"))
	if resp.StatusCode != http.StatusPartialContent || !ok || start != from {
		return errors.New("the server can't send a part of a file")
	}
	piece := make([]byte, to-from)
	if _, err := io.ReadFull(resp.Body, piece); err != nil {
		return r.c.unreachable(err)
	}
	r.head = append(r.head, piece...)
	return nil
}

// filePath is where the hub has a file of a repository.
func filePath(repo, revision, file string) string {
	return "/" + repo + "/resolve/" + url.PathEscape(revision) + "/" + (&url.URL{Path: file}).EscapedPath()
}
