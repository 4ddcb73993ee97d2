package app

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"burble/inference"
	"burble/inference/sample"
)

// Receipt is what an answer was made of: enough to make it again, and to tell what has changed where it comes out differently.
type Receipt struct {
	Build        string        `json:"build"` // Version
	Model        string        `json:"model"`
	File         string        `json:"file,omitempty"`
	Bytes        int64         `json:"bytes,omitempty"`
	Stamp        string        `json:"stamp,omitempty"`  // of the file's parts: sizes and times
	Hashes       []FileHash    `json:"sha256,omitempty"` // empty: not computed yet
	Architecture string        `json:"architecture,omitempty"`
	Quantisation string        `json:"quantisation,omitempty"`
	Device       string        `json:"device,omitempty"`
	GPULayers    int           `json:"gpu_layers"`
	Driver       string        `json:"driver,omitempty"`
	KVType       string        `json:"kv_type,omitempty"`
	Context      int           `json:"context,omitempty"`
	Sampling     sample.Params `json:"sampling"` // with the seed
	Chain        string        `json:"chain"`
	Prompt       TokenIDs      `json:"prompt_tokens"`
	Begun        int           `json:"begun,omitempty"` // of Tokens, that were chosen by the user: see Branch
	Tokens       TokenIDs      `json:"tokens"`
	Ended        bool          `json:"ended"` // by the model

	Stats *inference.Stats `json:"stats,omitempty"` // kept with the message
}

// TokenIDs are tokens, in JSON as base64 of varints: conversations are long.
type TokenIDs []int32

// MarshalJSON writes the tokens in short.
func (t TokenIDs) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2*len(t))
	for _, id := range t {
		b = binary.AppendUvarint(b, uint64(uint32(id)))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(b))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *TokenIDs) UnmarshalJSON(data []byte) error {
	var b []byte // which JSON has as base64
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	*t = nil
	for len(b) > 0 {
		id, n := binary.Uvarint(b)
		if n <= 0 || id > 1<<31-1 {
			return errors.New("the tokens of an answer are damaged")
		}
		*t, b = append(*t, int32(id)), b[n:]
	}
	return nil
}

// receipt notes what the answer of done was made of. nil: it is not known, as with a server's.
func (c *Chats) receipt(info inference.ModelInfo, done inference.Done) *Receipt {
	t := done.Trace
	if t == nil {
		return nil
	}
	return &Receipt{Build: Version, Model: info.Name, File: info.Path, Bytes: info.FileBytes, Stamp: fileStamp(info.Path), Architecture: info.Architecture,
		Quantisation: info.Quantisation, Device: info.Device, GPULayers: info.GPULayers, Driver: t.Driver, KVType: t.KVType, Context: info.ContextSize,
		Sampling: t.Sampling, Chain: t.Chain, Prompt: t.Prompt, Begun: t.Begun, Tokens: t.Tokens, Ended: t.Ended}
}

// ErrNoReceipt is the error where nothing is known of how an answer was made.
var ErrNoReceipt = errors.New("there is no receipt of this message: it was written or edited by a person, imported, made by a server, or made before receipts were kept")

// Receipt returns what the answer id was made of. Where the hash of the model's file is not known yet, it is computed in the background.
func (c *Chats) Receipt(id int64) (Receipt, error) {
	if t := c.of(id); t != c {
		return t.Receipt(id)
	}
	m, err := c.Message(id)
	if err != nil {
		return Receipt{}, err
	}
	var data sql.NullString
	if err := c.store.db.QueryRowContext(c.ctx, "SELECT receipt FROM messages WHERE id = ?", id).Scan(&data); err != nil {
		return Receipt{}, fmt.Errorf("reading the receipt: %w", err)
	}
	if !data.Valid {
		return Receipt{}, ErrNoReceipt
	}
	var r Receipt
	if err := json.Unmarshal([]byte(data.String), &r); err != nil {
		return Receipt{}, fmt.Errorf("reading the receipt: %w", err)
	}
	r.Stats = m.Stats
	if r.Hashes == nil && r.Stamp != "" && r.Stamp == fileStamp(r.File) {
		r.Hashes = c.models.hashes.want(r.File, r.Stamp)
	}
	return r, nil
}

// Replay is an answer made again.
type Replay struct {
	MessageID int64
	Same      int  // tokens that are the same, from the first one on
	Identical bool // all are, and it ended in the same way
	// Where they part: the token of the answer and the one that came instead, with the model's probabilities there. Empty IDs of -1
	// stand for the end.
	Was, Is inference.Alternative
	Changed []string // what is not as it was then: the model's file, the device, the build
	Err     error
}

// Replay makes the answer id again, from its prompt's tokens with its seed, beside the conversation. A Replayed signal says what came of it.
func (c *Chats) Replay(id int64) error {
	if t := c.of(id); t != c {
		return t.Replay(id)
	}
	r, info, err := c.traced(id)
	if err != nil {
		return err
	}
	result := Replay{MessageID: id, Changed: r.changes(info)}
	request := inference.Request{Tokens: r.Prompt, Begun: r.Tokens[:r.Begun], Sampling: r.Sampling, MaxTokens: len(r.Tokens) - r.Begun}
	if r.Ended {
		request.MaxTokens++
	}
	if request.MaxTokens == 0 {
		return errors.New("the answer has no token that could come out differently")
	}
	c.aside(request, func(done inference.Done, err error) {
		if err == nil && done.Trace == nil {
			err = ErrNoReceipt
		}
		if err != nil {
			result.Err = err
			c.signals.publish(Replayed{result})
			return
		}
		result.compare(r, done.Trace)
		if result.Identical {
			c.signals.publish(Replayed{result})
			return
		}
		// How likely both were, where they part.
		score := inference.Request{Tokens: slices.Concat(r.Prompt, r.Tokens[:result.Same]), Begun: []int32{max(result.Was.ID, result.Is.ID)}, Score: 40}
		c.aside(score, func(done inference.Done, err error) {
			if err == nil && len(done.Scores) == 1 {
				for _, a := range append(done.Scores[0].Best, done.Scores[0].Token) {
					if a.ID == result.Was.ID {
						result.Was = a
					}
					if a.ID == result.Is.ID {
						result.Is = a
					}
				}
			}
			c.signals.publish(Replayed{result})
		})
	})
	return nil
}

// compare finds where the tokens of the receipt and those of the replay part.
func (p *Replay) compare(r Receipt, t *inference.Trace) {
	for p.Same < len(r.Tokens) && p.Same < len(t.Tokens) && r.Tokens[p.Same] == t.Tokens[p.Same] {
		p.Same++
	}
	at := func(tokens []int32) inference.Alternative {
		if p.Same < len(tokens) {
			return inference.Alternative{ID: tokens[p.Same]}
		}
		return inference.Alternative{ID: -1}
	}
	p.Was, p.Is = at(r.Tokens), at(t.Tokens)
	p.Identical = p.Was.ID < 0 && p.Is.ID < 0 && r.Ended == t.Ended
}

// changes says what is not as it was when the answer was made.
func (r Receipt) changes(info inference.ModelInfo) []string {
	var list []string
	add := func(what, was, is string) {
		if was != is {
			list = append(list, fmt.Sprintf("%s: then %s, now %s", what, or(was, "unknown"), or(is, "unknown")))
		}
	}
	add("model", r.Model+" "+r.Quantisation, info.Name+" "+info.Quantisation)
	if r.File == info.Path && r.Stamp != fileStamp(info.Path) {
		list = append(list, "the model's file has changed since")
	}
	add("device", r.Device, info.Device)
	add("build", r.Build, Version)
	if r.GPULayers != info.GPULayers {
		list = append(list, fmt.Sprintf("layers on the GPU: then %d, now %d", r.GPULayers, info.GPULayers))
	}
	return list
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// traced returns the receipt of an answer that can be gone back to, with the loaded model.
func (c *Chats) traced(id int64) (Receipt, inference.ModelInfo, error) {
	r, err := c.Receipt(id)
	if err != nil {
		return r, inference.ModelInfo{}, err
	}
	info, ok := c.models.Current()
	if !ok {
		return r, info, ErrNoModel
	}
	if info.Server != "" {
		return r, info, errors.New("a server's model is open: open the one that wrote this answer, " + r.Model)
	}
	if r.Begun < 0 || r.Begun > len(r.Tokens) || len(r.Prompt) == 0 || len(r.Tokens) == 0 {
		return r, info, ErrNoReceipt
	}
	return r, info, nil
}

// TokenView is an answer as tokens.
type TokenView struct {
	MessageID int64
	Scores    []inference.Score
	Begun     int // of them, that were given and not chosen
	Model     string
	Err       error
}

// alternatives is how many tokens are shown in the place of one.
const alternatives = 8

// Tokens computes how likely each token of the answer id was, for the loaded model. A Scored signal brings them.
func (c *Chats) Tokens(id int64) error {
	if t := c.of(id); t != c {
		return t.Tokens(id)
	}
	r, info, err := c.traced(id)
	if err != nil {
		return err
	}
	if r.Model != info.Name {
		return fmt.Errorf("this answer was written by %s: open that model to see its tokens", r.Model)
	}
	c.aside(inference.Request{Tokens: r.Prompt, Begun: r.Tokens, Score: alternatives}, func(done inference.Done, err error) {
		c.signals.publish(Scored{TokenView{MessageID: id, Scores: done.Scores, Begun: r.Begun, Model: info.Name, Err: err}})
	})
	return nil
}

// Branch writes the answer id anew from its token number at, counted from 0, with token in that place: what comes before stays. The new
// answer is another version beside it.
func (c *Chats) Branch(id int64, at int, token int32) error {
	if t := c.of(id); t != c {
		return t.Branch(id, at, token)
	}
	r, info, err := c.traced(id)
	if err != nil {
		return err
	}
	if r.Model != info.Name {
		return fmt.Errorf("this answer was written by %s: open that model to go on from its tokens", r.Model)
	}
	if at < 0 || at >= len(r.Tokens) {
		return fmt.Errorf("the answer has no token %d", at)
	}
	old, err := c.Message(id)
	if err != nil {
		return err
	}
	begun := append(slices.Clone(r.Tokens[:at]), token)
	return c.askWith(old.ChatID, special{prompt: r.Prompt, begun: begun}, func(tx *sql.Tx, _ []Message) (*Message, bool, error) {
		m := answerTo(Message{ID: old.ParentID, ChatID: old.ChatID})
		return m, false, nil
	})
}

// aside asks the engine for something that is no answer of a chat. done is called from the goroutine that reads events.
func (c *Chats) aside(r inference.Request, done func(inference.Done, error)) {
	c.titles.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asides[c.engine.Generate(r)] = done
}

// handleAside takes an event of what was asked for aside.
func (c *Chats) handleAside(ev inference.Event) {
	c.mu.Lock()
	done := c.asides[ev.Request()]
	if done == nil {
		c.mu.Unlock()
		return
	}
	var d inference.Done
	var err error
	switch ev := ev.(type) {
	case inference.Done:
		d = ev
		if ev.Reason == inference.FinishStopped {
			err = context.Canceled
		}
	case inference.Failed:
		err = ev.Err
	default:
		c.mu.Unlock()
		return
	}
	delete(c.asides, ev.Request())
	c.mu.Unlock()
	done(d, err)
}

// keepReceipt writes what the answer id was made of.
func (s *store) keepReceipt(ctx context.Context, id int64, r *Receipt) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.exec(ctx, "UPDATE messages SET receipt = ? WHERE id = ?", string(data), id)
}
