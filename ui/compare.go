package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
	"burble/ui/transcript"
)

// compareSheet has the same message answered with two presets, one after the other, and shows both side by side. The prompt is
// read once where the presets have the same system prompt and model: the second answer takes it from the KV cache. A preset with a
// model of its own is answered by that: see compare_models.go. Both answers are kept as versions; the user chooses which one the
// chat goes on with.
type compareSheet struct {
	*sheet
	of      app.Message // the answer that both stand beside
	presets []app.Preset
	sides   [2]*compareSide
	run     *look.Button
	note    *widget.Label
	turn    int // side that is being answered; 2: none
	loads   compareLoads
}

// compareSide is one of the two.
type compareSide struct {
	choice *keySelect
	model  *widget.Label // that answers
	view   *transcript.View
	note   *widget.Label
	keep   *look.Button
	answer int64 // 0: not asked for yet
}

// openCompare opens the comparison beside an answer.
func (w *window) openCompare(m app.Message) {
	presets, err := w.b.Presets.List()
	if err != nil {
		w.report(err)
		return
	}
	x := &compareSheet{of: m, presets: presets, turn: 2}
	var names []string
	for _, p := range presets {
		names = append(names, presetName(p))
	}
	columns := container.NewGridWithColumns(2)
	if w.win.Canvas().Size().Width < narrowWindow {
		columns = container.NewGridWithRows(2)
	}
	for i := range x.sides {
		s := &compareSide{view: transcript.NewView(w.timers), note: widget.NewLabel("")}
		s.choice = newKeySelect(names, func(k *fyne.KeyEvent) { w.escapeKey(k) })
		s.choice.SetSelectedIndex(min(i, len(names)-1))
		s.choice.OnChanged = func(string) { x.showModels() }
		s.model = widget.NewLabel("")
		s.model.Importance, s.model.SizeName, s.model.Truncation = widget.LowImportance, theme.SizeNameCaptionText, fyne.TextTruncateEllipsis
		s.note.Importance, s.note.SizeName, s.note.Truncation = widget.LowImportance, theme.SizeNameCaptionText, fyne.TextTruncateEllipsis
		s.keep = look.NewButton(look.IconCheck, lang.L("Keep this one"), look.Soft, func() { x.keep(s) })
		s.keep.OnKey = func(k *fyne.KeyEvent) { w.escapeKey(k) }
		s.keep.SetEnabled(false)
		x.sides[i] = s
		head := container.New(layout.NewCustomPaddedVBoxLayout(-4), filledSelect(s.choice), s.model)
		columns.Add(container.NewBorder(head, container.NewBorder(nil, nil, nil, s.keep, s.note), nil, nil, s.view))
	}
	x.run = look.NewButton(look.IconSend, lang.L("Answer with both"), look.Primary, x.start)
	x.run.OnKey = func(k *fyne.KeyEvent) { w.escapeKey(k) }
	x.note = widget.NewLabel("")
	x.note.Truncation = fyne.TextTruncateEllipsis
	bottom := container.New(layout.NewCustomPaddedLayout(6, 0, 0, 0), container.NewBorder(nil, nil, nil, x.run, x.note))
	x.sheet = w.openSheet(lang.L("Compare two presets"), columns, bottom, fyne.NewSize(1080, 700))
	x.sheet.closed = func() {
		if x.turn < 2 {
			w.b.Chats.Stop(x.of.ChatID)
		}
		x.turn = 2
		x.giveBack()
		w.compare = nil
		w.refreshMessages()
	}
	w.compare = x
	x.showModels()
	w.win.Canvas().Focus(x.run)
}

// start asks for the first answer.
func (x *compareSheet) start() {
	for _, s := range x.sides {
		s.answer = 0
		s.keep.SetEnabled(false)
		s.note.SetText("")
		s.view.SetMessages(nil)
	}
	x.showModels()
	x.turn = 0
	x.run.SetEnabled(false)
	x.enableChoices(false)
	x.begin()
	x.ask()
}

// preset is what a side answers with.
func (x *compareSheet) preset(s *compareSide) app.Preset {
	return x.presets[max(s.choice.SelectedIndex(), 0)]
}

// ask asks for the answer whose turn it is, when the model for it is there.
func (x *compareSheet) ask() {
	s := x.sides[x.turn]
	preset := x.preset(s)
	if x.fetch(preset) {
		return
	}
	if err := x.w.b.Chats.RegenerateMessage(x.of.ID, &preset.ID); err != nil {
		x.stop(sentence(err.Error()))
		return
	}
	ids, err := x.w.b.Chats.Siblings(x.of.ID)
	if err != nil || len(ids) == 0 {
		x.w.report(err)
		x.stop("")
		return
	}
	s.answer = ids[len(ids)-1]
	x.show(s)
}

// stop ends the comparison, because both answers are there, or for a reason.
func (x *compareSheet) stop(reason string) {
	x.turn = 2
	x.run.SetEnabled(true)
	x.enableChoices(true)
	x.giveBack()
	x.showModels()
	if reason != "" {
		x.note.Importance = widget.DangerImportance
		x.note.SetText(reason)
	}
}

// enableChoices lets the presets be chosen, or not.
func (x *compareSheet) enableChoices(on bool) {
	for _, s := range x.sides {
		if on {
			s.choice.Enable()
		} else {
			s.choice.Disable()
		}
	}
}

// show brings a side up to date.
func (x *compareSheet) show(s *compareSide) {
	m, err := x.w.b.Chats.Message(s.answer)
	if err != nil {
		x.w.report(err)
		return
	}
	p := x.w.present(m, false)
	p.Version, p.Versions = 0, 0
	if !s.view.Update(p) {
		s.view.SetMessages([]transcript.Message{p})
	}
	s.note.SetText(statusText(m.Stats))
	s.keep.SetEnabled(m.Status != app.StatusStreaming && m.Content != "")
}

// streaming and done take signals of answers.
func (x *compareSheet) streaming(id int64) {
	for _, s := range x.sides {
		if s.answer == id {
			x.show(s)
		}
	}
}

func (x *compareSheet) done(id int64) {
	x.streaming(id)
	if x.turn > 1 || x.sides[x.turn].answer != id {
		return
	}
	if m, err := x.w.b.Chats.Message(id); err == nil && m.Status == app.StatusStopped {
		x.stop("")
		return
	}
	if x.turn++; x.turn < 2 {
		x.ask()
		return
	}
	x.stop("")
}

// keep goes on with an answer.
func (x *compareSheet) keep(s *compareSide) {
	if err := x.w.b.Chats.Show(s.answer); err != nil {
		x.w.report(err)
		return
	}
	x.close()
}
