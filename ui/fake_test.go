package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"burble/app"
	"burble/app/remote"
	"burble/inference"
	"burble/inference/chat"
)

// fake is a scripted backend: it does what app promises, in memory, and a test says what the model answers and when.
type fake struct {
	mu         sync.Mutex
	signals    chan app.Signal
	chats      []app.Chat
	deleted    map[int64]app.Chat
	messages   map[int64][]app.Message
	next       int64
	values     app.Values
	files      []app.ModelFile
	current    *inference.ModelInfo
	loading    *app.LoadProgress
	failSave   error
	hub        *fakeHub
	servers    []remote.Server
	keys       map[string]string // of servers, by ID
	catalog    remote.Catalog    // of every server
	unwilling  error             // what servers do instead
	devices    []inference.DeviceInfo
	deviceNote string
	calls      []string // what the window asked for
	treeShelf
	shelf
	presetShelf
}

func newFake() *fake {
	f := &fake{signals: make(chan app.Signal, 10000), deleted: map[int64]app.Chat{}, messages: map[int64][]app.Message{}, values: english()}
	f.hub = newFakeHub(f)
	f.presets = newPresets()
	return f
}

// backend returns the fake as the window sees it.
func (f *fake) backend() Backend {
	return Backend{Chats: fakeChats{f}, Models: fakeModels{f}, Settings: fakeSettings{f}, Hub: f.hub, Servers: fakeServers{f}, Presets: fakePresets{f},
		Subscribe: func() (<-chan app.Signal, func()) { return f.signals, func() {} }}
}

func (f *fake) call(format string, args ...any) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

// gopher is the model that a fake has after load.
var gopher = inference.ModelInfo{Path: "/models/gopher.gguf", Name: "Gopher 20M", Architecture: "llama", Quantisation: "Q8_0",
	Parameters: 20_000_000, ContextTrain: 4096, ContextSize: 4096, Device: "CPU", Layers: 8}

func (f *fake) load() { f.current = &gopher }

// begin, token and end play an answer.
func (f *fake) grow(chatID int64, text, reasoning string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.last(chatID)
	m.Content += text
	m.Reasoning += reasoning
	m.Progress.Queued = false
	m.Progress.Tokens++
	m.Progress.PromptTotal, m.Progress.PromptDone, m.Progress.Rate = 20, 20, 38.2
	f.signals <- app.MessageStreaming{ChatID: chatID, MessageID: m.ID}
}

func (f *fake) end(chatID int64, status app.Status, problem string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endLocked(chatID, status, problem)
}

func (f *fake) endLocked(chatID int64, status app.Status, problem string) {
	m := f.last(chatID)
	m.Status, m.Error, m.Progress = status, problem, nil
	m.Stats = &inference.Stats{PromptTokens: 412, Reused: 380, Tokens: 120, PromptTime: 80 * time.Millisecond, DecodeTime: 3140 * time.Millisecond, ContextUsed: 1204, ContextSize: 4096}
	f.signals <- app.MessagesChanged{ChatID: chatID}
	f.signals <- app.AnswerDone{ChatID: chatID, MessageID: m.ID}
	f.signals <- app.ChatsChanged{}
}

func (f *fake) last(chatID int64) *app.Message {
	list := f.messages[chatID]
	return &list[len(list)-1]
}

// chatWith adds a chat with messages, the user's and the model's in turn.
func (f *fake) chatWith(title string, updated time.Time, texts ...string) int64 {
	f.next++
	id := f.next
	f.chats = append(f.chats, app.Chat{ID: id, Title: title, Created: updated, Updated: updated})
	for i, t := range texts {
		f.next++
		m := app.Message{ID: f.next, ChatID: id, Role: chat.User, Content: t, Status: app.StatusComplete}
		if i%2 == 1 {
			m.Role = chat.Assistant
			m.Stats = &inference.Stats{PromptTokens: 412, Reused: 380, Tokens: 120, PromptTime: 80 * time.Millisecond, DecodeTime: 3140 * time.Millisecond, ContextUsed: 1204, ContextSize: 4096}
		}
		f.messages[id] = append(f.messages[id], m)
	}
	return id
}

type fakeChats struct{ *fake }

func (f fakeChats) List() ([]app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(f.chats), func(c app.Chat) bool { return c.Archived })
	slices.SortStableFunc(list, func(a, b app.Chat) int { return b.Updated.Compare(a.Updated) })
	return list, nil
}

func (f fakeChats) Create() (app.Chat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	c := app.Chat{ID: f.next, Created: time.Now(), Updated: time.Now()}
	f.chats = append(f.chats, c)
	return c, nil
}

func (f fakeChats) at(id int64) *app.Chat {
	for i := range f.chats {
		if f.chats[i].ID == id {
			return &f.chats[i]
		}
	}
	if f.temporary != nil && f.temporary.ID == id {
		return f.temporary
	}
	return nil
}

func (f fakeChats) Rename(id int64, title string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at(id).Title = title
	return nil
}

func (f fakeChats) Delete(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("delete %d", id)
	f.deleted[id] = *f.at(id)
	f.chats = slices.DeleteFunc(f.chats, func(c app.Chat) bool { return c.ID == id })
	return nil
}

func (f fakeChats) Restore(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("restore %d", id)
	if !app.Temporary(id) {
		f.chats = append(f.chats, f.deleted[id])
		delete(f.deleted, id)
	}
	return nil
}

func (f fakeChats) SetDraft(id int64, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at(id).Draft = text
	return nil
}

func (f fakeChats) Messages(id int64) ([]app.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.messages[id]), nil
}

func (f fakeChats) Message(id int64) (app.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range f.messages {
		for _, m := range list {
			if m.ID == id {
				return m, nil
			}
		}
	}
	return app.Message{}, app.ErrNotFound
}

func (f fakeChats) Search(query string, _ int) ([]app.Hit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hits []app.Hit
	add := func(c app.Chat, m app.Message, text string) {
		if i := strings.Index(strings.ToLower(text), strings.ToLower(query)); i >= 0 {
			hits = append(hits, app.Hit{ChatID: c.ID, MessageID: m.ID, Title: c.Title, Role: m.Role, Created: c.Updated, Archived: c.Archived,
				Snippet: text, Matches: [][2]int{{i, i + len(query)}}})
		}
	}
	for _, c := range f.chats {
		add(c, app.Message{}, c.Title)
	}
	for _, c := range f.chats {
		for _, m := range f.messages[c.ID] {
			add(c, m, m.Content)
		}
	}
	return hits, nil
}

func (f fakeChats) Send(id int64, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil && f.loading == nil {
		return app.ErrNoModel
	}
	f.call("send %s", text)
	if c := f.at(id); c.Title == "" {
		c.Title = text
	}
	f.next += 2
	f.messages[id] = append(f.messages[id],
		app.Message{ID: f.next - 1, ChatID: id, Role: chat.User, Content: text, Status: app.StatusComplete},
		app.Message{ID: f.next, ChatID: id, Role: chat.Assistant, Status: app.StatusStreaming, Progress: &app.Progress{Queued: true}})
	f.signals <- app.MessagesChanged{ChatID: id}
	return nil
}

func (f fakeChats) Edit(id int64, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("edit %d %s", id, text)
	return nil
}

// Siblings gives every message two versions, of which it is the first.
func (f fakeChats) Siblings(id int64) ([]int64, error) {
	if v := f.versions[id]; v != nil {
		return append([]int64{id}, v...), nil
	}
	return []int64{id, id + 1000}, nil
}

func (f fakeChats) Show(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("show %d", id)
	return nil
}

func (f fakeChats) Regenerate(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("regenerate %d", id)
	f.next++
	*f.last(id) = app.Message{ID: f.next, ChatID: id, Role: chat.Assistant, Status: app.StatusStreaming, Progress: &app.Progress{}}
	f.signals <- app.MessagesChanged{ChatID: id}
	return nil
}

func (f fakeChats) Continue(id int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("continue %d", id)
	m := f.last(id)
	m.Status, m.Progress = app.StatusStreaming, &app.Progress{}
	f.signals <- app.MessagesChanged{ChatID: id}
	return nil
}

func (f fakeChats) Stop(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call("stop %d", id)
	f.endLocked(id, app.StatusStopped, "")
}

type fakeModels struct{ *fake }

func (f fakeModels) List() []app.ModelFile { return slices.Clone(f.files) }
func (f fakeModels) Devices() ([]inference.DeviceInfo, string) {
	return f.devices, f.deviceNote
}

func (f fakeModels) Report(w io.Writer) error {
	_, err := io.WriteString(w, "a report")
	return err
}

func (f fakeModels) Refresh()       { f.signals <- app.ModelsChanged{} }
func (f fakeModels) Guide() string  { return "/cache/guide.gguf" }
func (f fakeModels) Folder() string { return "/home/gopher/models" }

func (f fakeModels) Load(path string) {
	f.call("load %s", path)
	f.fake.progress(app.LoadProgress{Path: path, Stage: inference.StageOpen})
}

// progress reports a load.
func (f *fake) progress(p app.LoadProgress) {
	f.loading = &p
	f.signals <- p
}

func (f fakeModels) CancelLoad() {
	f.call("cancel")
	if f.loading != nil {
		path := f.loading.Path
		f.loading = nil
		f.signals <- app.ModelFailed{Path: path, Err: fmt.Errorf("loading: %w", context.Canceled)}
	}
}

func (f fakeModels) Current() (inference.ModelInfo, bool) {
	if f.current == nil {
		return inference.ModelInfo{}, false
	}
	return *f.current, true
}

func (f fakeModels) Loading() (app.LoadProgress, bool) {
	if f.loading == nil {
		return app.LoadProgress{}, false
	}
	return *f.loading, true
}

type fakeSettings struct{ *fake }

func (f fakeSettings) Get() app.Values { return f.values }

func (f fakeSettings) Update(change func(v *app.Values)) error {
	if f.failSave != nil {
		return f.failSave
	}
	change(&f.values)
	f.values = f.values.Clamp()
	f.signals <- app.SettingsChanged{}
	return nil
}

var errDisk = errors.New("writing the settings: no space left on device")
