package app

import (
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// A chat's first title is the first words of its first message. When its answer has come and nothing else is asked for, the
// model makes a better one: it is asked at the end of the conversation, so that the KV cache keeps all of it, and what the
// title adds is cut off by the next message like any other tail. The user never waits for it: whatever they ask for ends it.

const (
	// titleIdle is how long nothing must have been asked for.
	titleIdle = time.Second
	// tinyModel is the number of parameters up to which a model's titles are worse than the first words.
	tinyModel = 400_000_000
	// titleTurns is how many turns a conversation has at most to get its title: later, the first one is known by its words.
	titleTurns = 3
	// titlePrefill is how many tokens the question for a title has at most, with what the template adds.
	titlePrefill = 128
	// titleTokens is how many tokens a title has at most; a model that thinks first may take thinkTokens.
	titleTokens, thinkTokens = 32, 256
)

// titleQuestion asks for a title.
const titleQuestion = "Write a title for this conversation: at most six words, in the language of the conversation, and nothing besides."

// titler has the model make titles in idle time.
type titler struct {
	chats   *Chats
	idle    time.Duration
	tiny    int64
	prefill int
	wake    chan struct{} // holds one signal: there is something to do, when the time has come

	mu      sync.Mutex
	waiting int64    // the chat answered last, if it may want a title; 0: none
	job     *titling // on the engine; nil: none
}

// titling is a title on its way.
type titling struct {
	id     inference.ID
	chatID int64
	text   strings.Builder
}

func newTitler(c *Chats) *titler {
	return &titler{chats: c, idle: titleIdle, tiny: tinyModel, prefill: titlePrefill, wake: make(chan struct{}, 1)}
}

// answered is told of the chat whose answer has ended last, 0 for one that gets no title. Only its conversation is in
// the KV cache, so any other one's title has had its chance.
func (t *titler) answered(chatID int64) {
	t.mu.Lock()
	t.waiting = chatID
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// cancel ends a title on its way, because the user wants something. The next answer gives the chat another chance.
func (t *titler) cancel() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = 0
	if t.job != nil {
		t.chats.engine.Stop(t.job.id)
	}
}

// loop asks for titles when their time has come, until closing is closed.
func (t *titler) loop(closing <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-closing:
			return
		case <-t.wake:
			timer.Reset(t.idle)
		case <-timer.C:
			t.next()
		}
	}
}

// next asks for the title that is waited for, unless something else is going on.
func (t *titler) next() {
	t.mu.Lock()
	chatID := t.waiting
	t.mu.Unlock()
	if chatID == 0 || t.chats.answering() || t.chats.temporary.answering() {
		return
	}
	r, ok := t.request(chatID)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting != chatID || t.job != nil { // something has come in between
		return
	}
	t.waiting = 0
	if ok {
		t.job = &titling{id: t.chats.engine.Generate(r), chatID: chatID}
	}
}

// request puts together the question for a chat's title. ok is false for a chat that needs none, or can't have one.
func (t *titler) request(chatID int64) (r inference.Request, ok bool) {
	c := t.chats
	model, loaded := c.models.Current()
	if _, loading := c.models.Loading(); !loaded || loading || model.Parameters <= t.tiny && (model.Server == "" || model.Parameters > 0) || c.models.guideLoaded() || !c.settings.Get().AutoTitles {
		return r, false
	}
	var titled string
	if err := c.store.db.QueryRowContext(c.ctx, "SELECT titled FROM chats WHERE id = ? AND deleted IS NULL", chatID).Scan(&titled); err != nil || titled != "words" {
		return r, false
	}
	info, err := c.Chat(chatID)
	if err != nil {
		return r, false
	}
	branch, err := c.Messages(chatID)
	if err != nil || len(branch) < 2 || len(branch) > 2*titleTurns {
		return r, false
	}
	last := branch[len(branch)-1]
	if last.Role != chat.Assistant || last.Status != StatusComplete || last.Content == "" || last.Stats == nil {
		return r, false
	}
	question := Message{ChatID: chatID, Role: chat.User, Content: titleQuestion}
	r = c.request(info, append(branch, question, Message{ChatID: chatID, Role: chat.Assistant}), false)
	r.Sampling, r.MaxTokens, r.Lookup, r.Overflow = sample.Params{}, titleTokens, 0, inference.Refuse
	if last.Reasoning != "" {
		off := false
		r.Thinking, r.MaxTokens = &off, thinkTokens
	}
	// The answer itself is read once more where its text makes other tokens than those it was made of, or its reasoning is
	// left out; the next message would cost the same.
	r.MaxPrefill = t.prefill + last.Stats.Tokens
	return r, true
}

// handle takes an event of the engine.
func (t *titler) handle(ev inference.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	job := t.job
	if job == nil || ev.Request() != job.id {
		return
	}
	switch ev := ev.(type) {
	case inference.Token:
		job.text.WriteString(ev.Text)
	case inference.Done:
		t.job = nil
		if text := cleanTitle(job.text.String()); ev.Reason != inference.FinishStopped && text != "" {
			t.chats.later(func() error { return t.keep(job.chatID, text) })
		}
	case inference.Failed:
		t.job = nil
	}
}

// keep gives a chat its title, unless the user has given it one meanwhile.
func (t *titler) keep(chatID int64, title string) error {
	c := t.chats
	err := c.store.exec(c.ctx, "UPDATE chats SET title = ?, titled = 'model' WHERE id = ? AND titled = 'words'", title, chatID)
	if err == nil {
		c.signals.publish(ChatsChanged{})
	}
	return err
}

// answering reports whether any answer is on its way.
func (c *Chats) answering() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.live) > 0
}

// cleanTitle makes a title of what a model says, or "" where it is none, and the first words are better: its first line that says
// something, without its thoughts, what announces the title, and marks around it.
func cleanTitle(text string) string {
	if _, after, found := strings.Cut(text, "</think>"); found {
		text = after
	}
	for _, end := range []string{"<|", "<think", "</"} { // the template's, where the model goes on by itself
		text, _, _ = strings.Cut(text, end)
	}
	first := ""
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "```") || strings.HasSuffix(strings.TrimRight(line, "* "), ":") {
			continue // "Here is a title:"
		}
		first = line
		break
	}
	text = title(first)
	for _, colon := range []string{":", "："} {
		if before, after, found := strings.Cut(text, colon); found && announcesTitle(before) {
			text = after
			break
		}
	}
	text = strings.TrimSpace(strings.Trim(text, " \t\"'`*_#“”„‘’«»「」『』《》"))
	text = strings.TrimRight(text, ".。")
	if n := utf8.RuneCountInString(text); n < 2 || strings.HasSuffix(text, "…") || !strings.ContainsFunc(text, unicode.IsLetter) {
		return "" // nothing, or a whole sentence or more
	}
	if saysNothing(text) {
		return ""
	}
	return text
}

// announcesTitle reports whether what stands before a colon says that a title follows.
func announcesTitle(before string) bool {
	before = strings.ToLower(before)
	for _, word := range []string{"title", "titel", "titre", "título", "标题", "標題", "タイトル"} {
		if strings.Contains(before, word) {
			return true
		}
	}
	return false
}

// saysNothing reports whether a title is one that any conversation could have, the question for it, or one word over and over.
func saysNothing(title string) bool {
	lower := strings.ToLower(title)
	switch lower {
	case "title", "untitled", "conversation", "chat", "new chat", "new conversation", "no title", "conversation title", "none", "n/a":
		return true
	}
	if strings.Contains(lower, "title for this conversation") || strings.Contains(lower, "at most six words") {
		return true
	}
	words := strings.Fields(lower)
	different := map[string]bool{}
	for _, w := range words {
		different[w] = true
	}
	return len(words) > 3 && len(different) <= len(words)/2
}
