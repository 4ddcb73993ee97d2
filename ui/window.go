package ui

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"

	"burble/app"
	"burble/inference"
	"burble/inference/chat"
	"burble/ui/look"
	"burble/ui/transcript"
)

// appID is Burble's name for desktops.
const appID = "chat.burble.Burble"

// started opens the model picker where there is no model to talk to: it is the first thing to do.
func (w *window) started() {
	_, loaded := w.b.Models.Current()
	_, loading := w.b.Models.Loading()
	if !loaded && !loading {
		w.openPicker()
	}
}

// window is the chat window. All of it belongs to Fyne's goroutine; listen brings signals there.
type window struct {
	b   Backend
	app fyne.App
	win fyne.Window

	frame    *frameLayout
	root     *fyne.Container
	main     *fyne.Container
	sidebar  *sidebar
	header   *header
	view     *transcript.View
	empty    *emptyState
	composer *composer
	status   *statusLine
	toast    *toast
	spawn    func(func()) // runs something slow beside the window
	timers   *look.Timers
	picker   *picker // while it is open
	sheet    *sheet  // likewise
	receipt  *receiptSheet
	tokens   *tokensSheet
	compare  *compareSheet
	download *downloadDialog
	server   *serverDialog // while it is open
	settings *settingsDialog

	settingsPage int // that was shown last
	fontScale    float64
	held         fyne.Size // see holdSize
	heldAt       time.Time
	userScale    float64   // of all Fyne programs
	keys         []command // those that have a key
	panel        *panel    // the last one; see openedPanel
	palette      *palette  // the last one
	language     string    // that the window was built in
	desk         desk
	kept         app.Frame // that was stored last

	params     *parameters
	side       *fyne.Container // the main part and the parameters
	strip      *look.Button    // above the transcript: the preset and the system prompt
	stripBox   *fyne.Container
	stripText  string          // in full
	newOptions app.ChatOptions // of the chat that is not made yet

	attached   attachments
	shownFiles map[int64]*transcript.Files // by message

	undos   []*undoStep
	endWork func() // ends what runs beside the window, and waits for it

	chat     int64  // that is shown; 0: a new one, not made yet
	draft    string // of it, as it is stored
	messages []app.Message
	beating  bool
	beat     func(on bool) // starts and stops the clock of what moves by itself
	stage    stage
}

func newWindow(fa fyne.App, b Backend) *window {
	w := &window{b: b, app: fa, beat: func(bool) {}, endWork: func() {}, timers: look.NewTimers()}
	w.win = fa.NewWindow("Burble")
	w.userScale, w.fontScale = userScale(fa.Settings()), 1
	w.applyLook()
	w.win.SetMaster()
	w.win.SetPadded(false)
	w.win.Resize(fyne.NewSize(1180, 780))
	w.win.SetOnDropped(w.dropped)
	w.spawn = func(f func()) { go f() }
	w.build()
	return w
}

// build makes what the window shows, in the language that is set.
func (w *window) build() {
	b := w.b
	w.language = b.Settings.Get().Language
	if err := setLanguage(w.language); err != nil {
		fyne.LogError("Setting the language", err)
	}
	w.sidebar = newSidebar(w.shortcut, w.newChat)
	w.bindSidebar()
	w.header = newHeader(w.toggleSidebar, w.openPicker, b.Models.CancelLoad, w.openSettings)
	w.header.panel.OnTapped = w.toggleParameters
	w.view = transcript.NewView(w.timers)
	w.view.OnRegenerate = func(id int64) { w.answerAgain(id, nil) }
	w.view.OnContinue = func(int64) { w.report(b.Chats.Continue(w.chat)) }
	w.view.OnEdit = w.editMessage
	w.view.OnVersion = w.showVersion
	w.view.OnQuote = w.quote
	w.view.Actions = w.messageMenu
	w.view.OnSelectText = w.selectText
	w.view.OnError = w.report
	w.view.OnKey = func(k *fyne.KeyEvent) { w.escapeKey(k) }
	w.empty = newEmptyState(w.openPicker, w.openDownload, func(question string) { w.send(question) })
	w.composer = newComposer(w.shortcut, w.send, func() { b.Chats.Stop(w.chat) })
	w.composer.page = w.view.Key
	w.composer.clip.OnTapped = w.askFiles
	w.composer.entry.paste = w.pastedFiles
	w.composer.onGrown = func() { w.main.Refresh() }
	w.view.OnOpenFile = w.showFile
	w.status = newStatusLine()
	w.status.tapped = w.showContext
	w.toast = newToast(w.timers)

	content := container.NewStack(w.view, w.empty.box)
	w.newStrip()
	w.main = container.New(&mainLayout{w.header, content, w.composer, w.status, w.toast.box, w.stripBox},
		content, w.header, w.stripBox, w.composer, w.status, w.toast.box) // content first: what it clips is still found by clicks below others
	if w.params != nil {
		w.params.commit()
	}
	w.params = newParameters(w)
	w.side = container.New(&sideLayout{w.main, w.params.box}, w.main, w.params.box)
	w.frame = &frameLayout{sidebar: w.sidebar, main: w.side, open: true}
	w.frame.divider = newDivider(func(dx float32) { w.widenSidebar(dx) }, func() { w.frame.setWidth(0); w.root.Refresh() })
	w.root = container.New(w.frame, w.side, w.sidebar, w.frame.divider)
	w.win.SetContent(w.root)
	w.bindKeys()

	w.refreshChats()
	w.showModel()
	w.newChat()
}

// listen starts the goroutine that brings signals to the window, and returns what ends it. Signals are handed over in
// batches, at most about 30 times a second, and the next batch waits until the one before has been dealt with: a slow
// screen makes fewer updates, not a queue of them.
func (w *window) listen() (stop func()) {
	signals, cancel := w.b.Subscribe()
	ctx, done := context.WithCancel(context.Background())
	clock := make(chan bool, 1)
	w.beat = func(on bool) {
		select {
		case <-clock: // what it was told before no longer counts
		default:
		}
		clock <- on
	}
	var running sync.WaitGroup
	running.Go(func() {
		beat := time.NewTicker(time.Hour)
		beat.Stop()
		defer beat.Stop()
		onScreen := func(f func()) {
			finished := make(chan struct{})
			fyne.Do(func() { defer close(finished); w.stage.on(f) })
			select {
			case <-finished:
			case <-ctx.Done():
			}
		}
		for {
			select {
			case <-ctx.Done():
				return
			case on := <-clock:
				if on {
					beat.Reset(250 * time.Millisecond)
				} else {
					beat.Stop()
				}
			case now := <-beat.C:
				onScreen(func() { w.tick(now) })
			case s, ok := <-signals:
				if !ok {
					return
				}
				batch := []app.Signal{s}
				pause := time.NewTimer(frame)
				for collecting := true; collecting; {
					select {
					case s, ok := <-signals:
						if collecting = ok; ok {
							batch = append(batch, s)
						}
					case <-pause.C:
						collecting = false
					case <-ctx.Done():
						pause.Stop()
						return
					}
				}
				pause.Stop()
				onScreen(func() { w.apply(batch) })
			}
		}
	})
	return func() {
		w.params.commit()
		w.stopReading()
		w.timers.Close()
		cancel()
		done()
		running.Wait()
	}
}

// frame is the shortest time between two updates.
const frame = 33 * time.Millisecond

// apply deals with signals. Those that only say "read again" are dealt with once.
func (w *window) apply(signals []app.Signal) {
	chats, messages, models, downloads := false, false, false, false
	streaming := int64(0)
	for _, s := range signals {
		switch s := s.(type) {
		case app.ChatsChanged:
			chats = true
		case app.MessagesChanged:
			messages = messages || s.ChatID == w.chat
		case app.AnswerDone:
			w.announceAnswer(s)
			if w.compare != nil {
				w.compare.done(s.MessageID)
			}
			messages = messages || s.ChatID == w.chat
		case app.MessageStreaming:
			if w.compare != nil {
				w.compare.streaming(s.MessageID)
			}
			if s.ChatID == w.chat {
				streaming = s.MessageID
			}
		case app.ModelsChanged:
			models = true
		case app.LoadProgress:
			w.header.showProgress(s)
			if w.picker != nil {
				w.picker.showProgress(s)
			}
			if w.compare != nil {
				w.compare.progress(s)
			}
			w.showEmpty()
			w.showComposer()
		case app.ModelLoaded:
			w.loaded(s)
		case app.ModelMoved:
			w.showModel()
			w.warn(lang.L("The GPU failed, and the processor goes on with the answer.\n\n{{.Reason}}\n\nLoad the model again to use the GPU.", map[string]any{"Reason": s.Reason}))
		case app.ModelFailed:
			w.failed(s)
		case app.ModelUnloaded:
			w.showModel()
		case app.DownloadsChanged:
			downloads = true
		case app.DownloadEnded:
			w.downloadEnded(s.Download)
		case app.Replayed:
			if w.receipt != nil {
				w.receipt.replayed(s.Replay)
			}
		case app.Scored:
			if w.tokens != nil {
				w.tokens.scored(s.View)
			}
		case app.SettingsChanged:
			w.applySettings()
			w.showParameters()
		case app.PresetsChanged:
			w.showParameters()
		case app.Notice:
			w.toast.show(s.Text, "", nil)
		}
	}
	if chats {
		w.refreshChats()
	}
	switch {
	case messages:
		w.refreshMessages()
	case streaming != 0:
		w.refreshAnswer(streaming)
	}
	if downloads && w.download != nil {
		w.download.showDownloads()
	}
	if models && w.picker != nil {
		w.picker.refresh()
	}
}

// tick moves what moves by itself.
func (w *window) tick(now time.Time) {
	w.view.Beat(now)
	if n := len(w.messages); n > 0 && w.messages[n-1].Status == app.StatusStreaming {
		w.refreshAnswer(w.messages[n-1].ID) // the reasoning's clock
	}
}

// refreshMessages reads the messages of the chat that is shown.
func (w *window) refreshMessages() {
	w.messages = nil
	if w.chat != 0 {
		messages, err := w.b.Chats.Messages(w.chat)
		if err != nil {
			w.report(err)
			return
		}
		w.messages = messages
	}
	shown := make([]transcript.Message, 0, len(w.messages))
	for i, m := range w.messages {
		if m.Role == chat.User || m.Role == chat.Assistant {
			shown = append(shown, w.present(m, i == len(w.messages)-1))
		}
	}
	w.view.SetMessages(shown)
	w.showAttached()
	w.showParameters()
	w.showEmpty()
	w.showComposer()
	w.showStatus()
}

// refreshAnswer reads an answer that is on its way.
func (w *window) refreshAnswer(id int64) {
	m, err := w.b.Chats.Message(id)
	if err != nil {
		w.report(err)
		return
	}
	n := len(w.messages)
	if n == 0 || w.messages[n-1].ID != id || !w.view.Update(w.present(m, true)) {
		w.refreshMessages()
		return
	}
	w.messages[n-1] = m
	w.showStatus()
}

// present says what the transcript shows of a message.
func (w *window) present(m app.Message, last bool) transcript.Message {
	out := transcript.Message{
		ID: m.ID, Content: m.Content, Reasoning: m.Reasoning, Error: sentence(m.Error), Warning: m.Warning,
		Note: noteText(m.Stats), Last: last, Files: w.cards(m),
	}
	if m.Siblings > 1 {
		ids, err := w.b.Chats.Siblings(m.ID)
		if err != nil {
			w.report(err)
		}
		out.Version, out.Versions = slices.Index(ids, m.ID)+1, len(ids)
	}
	if m.Role == chat.User {
		out.Role = transcript.User
		return out
	}
	out.Role = transcript.Assistant
	switch m.Status {
	case app.StatusStreaming:
		out.Status = transcript.Streaming
		if m.Content == "" && m.Reasoning == "" {
			out.Status, out.Waiting = transcript.Waiting, w.waitingText(m)
		}
	case app.StatusStopped:
		out.Status = transcript.Stopped
	case app.StatusInterrupted:
		out.Status = transcript.Interrupted
	case app.StatusFailed:
		out.Status = transcript.Failed
	}
	switch m.Finish {
	case inference.FinishLength:
		out.Cut = lang.L("The answer has reached the limit on tokens.")
	case inference.FinishContext:
		out.Cut = lang.L("The context is full. Start a new chat, or raise the context size in the settings.")
	}
	info, _ := w.b.Models.Current()
	out.NoContinue = info.NoContinue != ""
	out.Thought = m.Thought
	return out
}

// answering reports whether an answer is on its way in the chat that is shown.
func (w *window) answering() bool {
	n := len(w.messages)
	return n > 0 && w.messages[n-1].Status == app.StatusStreaming
}

// showComposer brings the composer's button in line, and the clock of what moves.
func (w *window) showComposer() {
	info, loaded := w.b.Models.Current()
	_, loading := w.b.Models.Loading()
	placeholder := lang.L("Message {{.Model}}", map[string]any{"Model": info.Name})
	if app.Temporary(w.chat) {
		placeholder = lang.L("Message {{.Model}}; nothing is kept", map[string]any{"Model": info.Name})
	}
	switch {
	case loading:
		placeholder = lang.L("The model is loading; you can write meanwhile")
	case !loaded:
		placeholder = lang.L("Open a model to start")
	}
	w.composer.setState(w.answering(), loaded || loading, placeholder)
	if on := w.answering(); on != w.beating {
		w.beating = on
		w.beat(on)
	}
}

// showStatus shows the figures of the latest answer.
func (w *window) showStatus() {
	info, _ := w.b.Models.Current()
	for i := len(w.messages) - 1; i >= 0; i-- {
		m := w.messages[i]
		if p := m.Progress; p != nil {
			figures := ""
			if p.Rate > 0 {
				figures = lang.L("{{.Rate}} tokens/s", map[string]any{"Rate": rateText(p.Rate)})
			}
			w.status.set(figures, p.PromptDone+p.Tokens, info.ContextSize)
			return
		}
		if m.Stats != nil {
			w.status.set(statusText(m.Stats), m.Stats.ContextUsed, m.Stats.ContextSize)
			return
		}
	}
	w.status.set("", 0, info.ContextSize)
}

// showEmpty shows the welcome in place of an empty transcript.
func (w *window) showEmpty() {
	if len(w.messages) > 0 {
		w.empty.box.Hide()
		w.view.Show()
		return
	}
	w.view.Hide()
	info, loaded := w.b.Models.Current()
	_, loading := w.b.Models.Loading()
	guided := loaded && !loading && info.Path == w.b.Models.Guide()
	w.empty.first.set((guided || !loaded && !loading) && !app.Temporary(w.chat), guided)
	switch {
	case loading:
		w.empty.set(lang.L("Loading the model"), lang.L("A moment. You can write your first message meanwhile."), false)
	case app.Temporary(w.chat):
		w.empty.set(lang.L("A temporary chat"), lang.L("Nothing of it is written to the disk. When you leave it, it is gone."), !loaded)
	case loaded:
		if guided {
			w.empty.set(lang.L("Welcome to Burble"), lang.L("This is the built-in guide, a very small model that knows Burble alone. Ask it how to get a model, which one fits this machine, or what a setting does."), true)
			break
		}
		if info.Server != "" {
			w.empty.set(lang.L("What is on your mind?"), lang.L("{{.Model}} runs on {{.Server}}. What you write is sent there.", map[string]any{"Model": info.Name, "Server": info.Server}), false)
			break
		}
		w.empty.set(lang.L("What is on your mind?"), lang.L("{{.Model}} runs on this machine. What you write stays here.", map[string]any{"Model": info.Name}), false)
	default:
		w.empty.set(lang.L("Welcome to Burble"), lang.L("Chat with a language model that runs on this machine. Open a GGUF file, or drop one onto this window."), true)
	}
	w.empty.box.Show()
}

// showModel shows which model is loaded, or on its way.
func (w *window) showModel() {
	if p, ok := w.b.Models.Loading(); ok {
		w.header.showProgress(p)
	} else {
		w.header.showModel(w.b.Models.Current())
	}
	w.showEmpty()
	w.showComposer()
	w.showStatus()
}

func (w *window) loaded(s app.ModelLoaded) {
	w.showModel()
	w.countAgain()
	w.showParameters()
	if w.picker != nil {
		w.picker.close()
	}
	if w.compare != nil {
		w.compare.loaded(s.Info)
		return
	}
	if len(s.Warnings) > 0 {
		w.warn(strings.Join(s.Warnings, "\n\n"))
	}
	w.focusComposer()
}

// failed shows why a model could not be loaded: in the picker, which opens for it.
func (w *window) failed(s app.ModelFailed) {
	w.showModel()
	if w.compare != nil && w.compare.failed(s) {
		return
	}
	if errors.Is(s.Err, context.Canceled) {
		if w.picker != nil {
			w.picker.loadEnded(nil)
		}
		return
	}
	w.openPicker()
	w.picker.loadEnded(errorText(lang.L("{{.Name}} could not be loaded: {{.Reason}}", map[string]any{"Name": filepath.Base(s.Path), "Reason": s.Err})))
}

func (w *window) applySettings() {
	if w.language != w.b.Settings.Get().Language {
		w.rebuild()
	}
	if w.applyLook() {
		w.root.Refresh()
		w.view.Refresh()
		w.showEmpty()
	}
	if w.settings != nil {
		w.settings.refresh()
	}
	if w.picker != nil {
		w.picker.refresh()
	}
}

// report shows an error that belongs to nothing else on the screen.
func (w *window) report(err error) {
	if err == nil {
		return
	}
	text := sentence(err.Error())
	if errors.Is(err, app.ErrNoModel) {
		w.toast.show(text, lang.L("Open a model"), w.openPicker)
		return
	}
	w.toast.show(text, "", nil)
}

// sentence makes a sentence of an error.
func sentence(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	s = strings.ToUpper(string(r[:1])) + string(r[1:])
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

// dropped opens a model that was dropped onto the window, and attaches other files to the next message.
func (w *window) dropped(at fyne.Position, files []fyne.URI) {
	if w.droppedChats(at, files) {
		return
	}
	for _, f := range files {
		if strings.EqualFold(f.Extension(), ".gguf") {
			w.b.Models.Load(f.Path())
			return
		}
	}
	w.droppedFiles(files)
}
