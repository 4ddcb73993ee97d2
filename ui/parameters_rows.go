package ui

import (
	"image/color"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference/sample"
	"burble/ui/look"
)

// fill adds the rows.
func (p *parameters) fill() {
	p.systemRow()
	p.heading(lang.L("Answers"))
	p.slider(lang.L("Temperature"), lang.L("0 always takes the likeliest word; higher values vary more."), 0, 2, 0.05, 0, float(func(s *sample.Params) *float32 { return &s.Temperature }))
	p.reasoningRow()
	p.number(lang.L("Longest answer"), lang.L("In tokens. 0: as long as the context allows."), 0, app.MaxContext, 0, func(x *app.Parameters) *int { return &x.MaxTokens })
	p.seedRow()

	p.rare = container.New(layout.NewCustomPaddedVBoxLayout(10))
	p.rareButton = look.NewButton(look.IconRight, lang.L("More parameters"), look.Ghost, func() { p.openRare(!p.rare.Visible()) })
	p.rareButton.Height, p.rareButton.TextSize, p.rareButton.Leading, p.rareButton.OnKey = 32, 13.5, true, p.escapeKey
	all := p.list
	all.Add(p.rareButton)
	p.list = p.rare
	p.heading(lang.L("Which words are drawn from"))
	p.number(lang.L("Top-k"), lang.L("Only the k likeliest words are drawn from. 0: all."), 0, 1000, 0, whole(func(s *sample.Params) *int { return &s.TopK }))
	p.slider(lang.L("Top-p"), lang.L("Only the likeliest words that make up this share. 1: all."), 0, 1, 0.01, 1, float(func(s *sample.Params) *float32 { return &s.TopP }))
	p.slider(lang.L("Min-p"), lang.L("No words less likely than this share of the likeliest. 0: all."), 0, 1, 0.01, 0, float(func(s *sample.Params) *float32 { return &s.MinP }))
	p.slider(lang.L("Typical-p"), lang.L("Only words about as surprising as is usual at this place. 1: all."), 0, 1, 0.01, 1, float(func(s *sample.Params) *float32 { return &s.TypicalP }))
	p.slider(lang.L("XTC probability"), lang.L("How often the likeliest words are left out, for answers off the beaten track. 0: never."), 0, 1, 0.01, 0, float(func(s *sample.Params) *float32 { return &s.XTCProbability }))
	p.slider(lang.L("XTC threshold"), lang.L("Words at least this likely can be left out; the least likely of them stays."), 0, 0.5, 0.01, 0.1, float(func(s *sample.Params) *float32 { return &s.XTCThreshold }))
	p.slider(lang.L("Mirostat target"), lang.L("Keeps answers about this surprising, in place of the limits above. 0: off; 5 is usual."), 0, 10, 0.1, 0, float(func(s *sample.Params) *float32 { return &s.MirostatTau }))
	p.slider(lang.L("Mirostat rate"), lang.L("How quickly it corrects itself."), 0, 1, 0.01, 0.1, float(func(s *sample.Params) *float32 { return &s.MirostatEta }))

	p.heading(lang.L("Against repetition"))
	p.slider(lang.L("Repetition penalty"), lang.L("Above 1 discourages words that were used already."), 1, 2, 0.01, 1, float(func(s *sample.Params) *float32 { return &s.RepeatPenalty }))
	p.slider(lang.L("Presence penalty"), lang.L("Taken off words that were used at all; below 0 it favours them."), -2, 2, 0.05, 0, float(func(s *sample.Params) *float32 { return &s.PresencePenalty }))
	p.slider(lang.L("Frequency penalty"), lang.L("Taken off words for each time they were used."), -2, 2, 0.05, 0, float(func(s *sample.Params) *float32 { return &s.FrequencyPenalty }))
	p.number(lang.L("Penalty window"), lang.L("How many tokens the three above look back on. −1: all."), -1, app.MaxContext, 64, whole(func(s *sample.Params) *int { return &s.PenaltyWindow }))
	p.slider(lang.L("DRY strength"), lang.L("Discourages the repetition of whole phrases. 0: off; 0.8 is usual."), 0, 5, 0.05, 0, float(func(s *sample.Params) *float32 { return &s.DRYMultiplier }))
	p.slider(lang.L("DRY base"), lang.L("How steeply that grows with the length of the phrase."), 1, 4, 0.05, 1.75, float(func(s *sample.Params) *float32 { return &s.DRYBase }))
	p.number(lang.L("DRY allowed length"), lang.L("Phrases of so many tokens may be repeated freely."), 1, 1000, 2, whole(func(s *sample.Params) *int { return &s.DRYAllowedLength }))
	p.number(lang.L("DRY window"), lang.L("How many tokens it looks back on for phrases. 0: all."), 0, app.MaxContext, 0, whole(func(s *sample.Params) *int { return &s.DRYWindow }))

	p.heading(lang.L("More"))
	p.stopRow()
	p.biasRow()
	p.number(lang.L("Prompt lookup"), lang.L("How many tokens are guessed at a time from what was said before, and checked together. 0: none."), 0, app.MaxLookup, 0, func(x *app.Parameters) *int { return &x.Lookup })
	p.list = all
	p.list.Add(p.rare)
	p.rare.Hide()
}

func (p *parameters) openRare(open bool) {
	p.rare.Hidden = !open
	icon := look.IconRight
	if open {
		icon = look.IconChevron
	}
	p.rareButton.Set(icon, p.rareButton.Text, look.Ghost)
	p.list.Refresh()
}

// float and whole reach into the sampling parameters.
func float(field func(*sample.Params) *float32) func(*app.Parameters) *float32 {
	return func(x *app.Parameters) *float32 { return field(&x.Sampling) }
}

func whole(field func(*sample.Params) *int) func(*app.Parameters) *int {
	return func(x *app.Parameters) *int { return field(&x.Sampling) }
}

func (p *parameters) heading(text string) {
	l := widget.NewLabel(text)
	l.TextStyle, l.Importance, l.SizeName = fyne.TextStyle{Bold: true}, widget.LowImportance, theme.SizeNameCaptionText
	p.list.Add(container.New(layout.NewCustomPaddedVBoxLayout(-4), l, newHairline()))
}

// rowHead is a parameter's name, with a mark and a button where it is not as in the preset.
type rowHead struct {
	box   *fyne.Container
	mark  *canvas.Circle
	reset *look.Button
}

// head makes the line above a parameter. reset makes it as in the preset.
func (p *parameters) head(name string, control fyne.CanvasObject, reset func()) *rowHead {
	h := &rowHead{mark: canvas.NewCircle(look.Color(theme.ColorNamePrimary))}
	h.reset = look.NewIconButton(look.IconUndo, reset)
	h.reset.Height, h.reset.OnKey = 26, p.escapeKey
	room := canvas.NewRectangle(color.Transparent)
	room.SetMinSize(fyne.NewSquareSize(26))
	dot := container.New(dotLayout{}, h.mark)
	right := container.NewHBox()
	if control != nil {
		right.Add(container.NewCenter(control))
	}
	right.Add(container.NewCenter(container.NewStack(room, h.reset)))
	title := widget.NewLabel(name)
	title.Truncation = fyne.TextTruncateEllipsis
	h.box = container.NewBorder(nil, nil, nil, right, container.NewStack(title, dot))
	return h
}

// differs shows whether a parameter is not as in the preset.
func (h *rowHead) differs(on bool) {
	h.mark.Hidden, h.reset.Hidden = !on, !on
	h.mark.FillColor = look.Color(theme.ColorNamePrimary)
	h.mark.Refresh()
	h.reset.Refresh()
}

// dotLayout places a small mark before a name, where the label has room.
type dotLayout struct{}

// MinSize is the mark's place.
func (dotLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

// Layout centres the mark.
func (dotLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSquareSize(6))
	o[0].Move(fyne.NewPos(-1, (size.Height-6)/2))
}

// add adds a row: its head, a control below it or nil, and the explanation.
func (p *parameters) add(h *rowHead, control fyne.CanvasObject, explain string) {
	row := container.New(layout.NewCustomPaddedVBoxLayout(-6), h.box)
	if control != nil {
		row.Add(control)
	}
	if explain != "" {
		row.Add(caption(explain))
	}
	p.list.Add(row)
}

// valueEntry is a small entry for a number. accept takes what was written, or says why not.
func (p *parameters) valueEntry(width float32, accept func(text string) error, show func()) (*entry, fyne.CanvasObject) {
	e := newEntry("", p.w.shortcut)
	enter := func() {
		p.unsaved = nil
		if err := accept(strings.TrimSpace(strings.ReplaceAll(e.Text, ",", "."))); err != nil {
			p.w.toast.show(sentence(err.Error()), "", nil)
			show()
		}
	}
	e.OnSubmitted = func(string) { enter() }
	e.OnChanged = func(string) {
		if !p.showing {
			p.unsaved = enter // with the loss of the focus, or when a message is sent
		}
	}
	e.lost = p.commit
	e.key = func(k *fyne.KeyEvent) bool { p.escapeKey(k); return k.Name == fyne.KeyEscape }
	return e, container.New(fixedWidth(width), e)
}

// focused reports whether the user is at work on a widget: it is left alone then.
func (p *parameters) focused(o fyne.Focusable) bool { return p.w.win.Canvas().Focused() == o }

// slider adds a number between limits. neutral is what 0 stands for.
func (p *parameters) slider(name, explain string, lo, hi, step, neutral float64, field func(*app.Parameters) *float32) {
	value := func(x app.Parameters) float64 {
		if f := float64(*field(&x)); f != 0 || neutral == 0 {
			return math.Round(f*1000) / 1000
		}
		return neutral
	}
	var now, base app.Parameters
	set := func(f float64) {
		f = min(max(math.Round(f*1000)/1000, lo), hi)
		p.change(name, func(x *app.Parameters) {
			if *field(x) = float32(f); f == neutral && *field(&base) == 0 || f == value(base) {
				*field(x) = *field(&base)
			}
		})
	}
	write := func(f float64) string { return strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64) }
	s := newKeySlider(lo, hi, p.escapeKey)
	s.Step = step
	var e *entry
	fillIn := func() {
		was := p.showing
		p.showing = true
		e.SetText(write(value(now)))
		p.showing = was
	}
	e, box := p.valueEntry(64, func(text string) error {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < lo || f > hi {
			return errorText(lang.L("{{.Name}} is a number from {{.From}} to {{.To}}", map[string]any{"Name": name, "From": write(lo), "To": write(hi)}))
		}
		set(f)
		return nil
	}, fillIn)
	s.OnChanged = func(f float64) {
		if !p.showing {
			was := p.showing
			p.showing = true
			e.SetText(write(f))
			p.showing = was
		}
	}
	h := p.head(name, box, func() { p.change("", func(x *app.Parameters) { *field(x) = *field(&base) }) })
	p.add(h, container.NewThemeOverride(s, sliderTheme{}), explain+" "+limits(write(lo), write(hi)))
	p.rows = append(p.rows, func(x, b app.Parameters) {
		now, base = x, b
		h.differs(*field(&x) != *field(&b))
		s.OnChangeEnded = nil // showing a value between the steps does not change it
		s.SetValue(value(x))
		s.OnChangeEnded = set
		if !p.focused(e) {
			fillIn()
		}
	})
}

func limits(from, to string) string {
	return lang.L("From {{.From}} to {{.To}}.", map[string]any{"From": from, "To": to})
}

// number adds a whole number between limits. neutral is what 0 stands for.
func (p *parameters) number(name, explain string, lo, hi, neutral int, field func(*app.Parameters) *int) {
	value := func(x app.Parameters) int {
		if n := *field(&x); n != 0 {
			return n
		}
		return neutral
	}
	var now, base app.Parameters
	var e *entry
	fillIn := func() {
		was := p.showing
		p.showing = true
		e.SetText(strconv.Itoa(value(now)))
		p.showing = was
	}
	e, box := p.valueEntry(84, func(text string) error {
		n, err := strconv.Atoi(strings.NewReplacer("−", "-", " ", "").Replace(text))
		if err != nil || n < lo || n > hi {
			return errorText(lang.L("{{.Name}} is a whole number from {{.From}} to {{.To}}", map[string]any{"Name": name, "From": countText(lo), "To": countText(hi)}))
		}
		p.change(name, func(x *app.Parameters) {
			if *field(x) = n; n == value(base) {
				*field(x) = *field(&base)
			}
		})
		return nil
	}, fillIn)
	h := p.head(name, box, func() { p.change("", func(x *app.Parameters) { *field(x) = *field(&base) }) })
	if hi < app.MaxContext {
		explain += " " + limits(countText(lo), countText(hi))
	}
	p.add(h, nil, explain)
	p.rows = append(p.rows, func(x, b app.Parameters) {
		now, base = x, b
		h.differs(*field(&x) != *field(&b))
		if !p.focused(e) {
			fillIn()
		}
	})
}

// systemRow adds the system prompt.
func (p *parameters) systemRow() {
	name := lang.L("System prompt")
	p.system = newEntry(lang.L("You are a helpful assistant."), p.w.shortcut)
	p.system.MultiLine, p.system.Wrapping = true, fyne.TextWrapWord
	p.system.SetMinRowsVisible(5)
	p.tokens = caption("")
	var base app.Parameters
	p.system.OnChanged = func(text string) {
		p.countSystem(text)
		if p.showing {
			return
		}
		p.later(func() { p.change(name, func(x *app.Parameters) { x.System = strings.TrimSpace(text) }) })
	}
	p.system.lost = p.commit
	p.system.key = func(k *fyne.KeyEvent) bool { p.escapeKey(k); return k.Name == fyne.KeyEscape }
	h := p.head(name, nil, func() {
		p.unsaved = nil
		p.change("", func(x *app.Parameters) { x.System = base.System })
	})
	p.list.Add(container.New(layout.NewCustomPaddedVBoxLayout(-2), h.box, p.system, p.tokens))
	p.rows = append(p.rows, func(x, b app.Parameters) {
		base = b
		h.differs(x.System != b.System)
		if !p.focused(p.system) && p.system.Text != x.System {
			p.system.SetText(x.System)
		}
		p.countSystem(p.system.Text)
	})
}

// reasoningRow adds whether and how much the model reasons, where its template has a switch for that.
func (p *parameters) reasoningRow() {
	name := lang.L("Reasoning")
	c := newKeySelect(nil, p.escapeKey)
	yes, no := true, false
	type choice struct {
		label    string
		thinking *bool
		effort   app.Effort
	}
	var choices []choice
	var base app.Parameters
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 {
			p.change(name, func(x *app.Parameters) { x.Thinking, x.Effort = choices[i].thinking, choices[i].effort })
		}
	}
	h := p.head(name, nil, func() {
		p.change("", func(x *app.Parameters) { x.Thinking, x.Effort = base.Thinking, base.Effort })
	})
	row := container.New(layout.NewCustomPaddedVBoxLayout(-2), h.box, filledSelect(c), caption(lang.L("Whether the model thinks before it answers, and how much.")))
	p.list.Add(row)
	p.rows = append(p.rows, func(x, b app.Parameters) {
		base = b
		info, _ := p.w.b.Models.Current()
		row.Hidden = !info.ThinkingSwitch && !info.ThinkingEffort
		choices = []choice{{label: lang.L("As the model does")}}
		if info.ThinkingSwitch {
			choices = append(choices, choice{lang.L("Off"), &no, ""})
			if !info.ThinkingEffort {
				choices = append(choices, choice{lang.L("On"), &yes, ""})
			}
		}
		if info.ThinkingEffort {
			choices = append(choices, choice{lang.L("A little"), nil, app.EffortLow}, choice{lang.X("reasoning effort", "Medium"), nil, app.EffortMedium}, choice{lang.L("A lot"), nil, app.EffortHigh})
		}
		same := func(a, b *bool) bool { return a == b || a != nil && b != nil && *a == *b }
		labels := make([]string, len(choices))
		c.Selected = choices[0].label
		for i, o := range choices {
			labels[i] = o.label
			if same(o.thinking, x.Thinking) && o.effort == x.Effort {
				c.Selected = o.label
			}
		}
		c.Options = labels
		c.Refresh()
		h.differs(x.Effort != b.Effort || !same(x.Thinking, b.Thinking))
	})
}

// seedRow adds the seed: a new one for each answer, or always the same.
func (p *parameters) seedRow() {
	name := lang.L("Seed")
	var base app.Parameters
	var now app.Parameters
	var e *entry
	set := func(seed *uint64) { p.change(name, func(x *app.Parameters) { x.Sampling.Seed = seed }) }
	fillIn := func() {
		was := p.showing
		p.showing = true
		text := ""
		if now.Sampling.Seed != nil {
			text = strconv.FormatUint(*now.Sampling.Seed, 10)
		}
		e.SetText(text)
		p.showing = was
	}
	e, box := p.valueEntry(150, func(text string) error {
		if text == "" {
			set(nil)
			return nil
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errorText(lang.L("A seed is a whole number from 0 on"))
		}
		set(&n)
		return nil
	}, fillIn)
	e.PlaceHolder = lang.X("seed", "random")
	keep := look.NewButton(look.Icon{}, "", look.Soft, nil)
	keep.Height, keep.TextSize, keep.OnKey = 28, 12.5, p.escapeKey
	h := p.head(name, box, func() { p.change("", func(x *app.Parameters) { x.Sampling.Seed = base.Sampling.Seed }) })
	p.add(h, nil, lang.L("The same seed gives the same answer. Empty: a new one each time."))
	last := caption("")
	row := container.NewBorder(nil, nil, nil, container.NewCenter(keep), last)
	p.list.Add(row)
	p.rows = append(p.rows, func(x, b app.Parameters) {
		now, base = x, b
		h.differs(!reflect.DeepEqual(x.Sampling.Seed, b.Sampling.Seed))
		if !p.focused(e) {
			fillIn()
		}
		switch used := p.w.usedSeed(); {
		case x.Sampling.Seed != nil:
			row.Hidden = false
			last.SetText(lang.L("Kept for all answers."))
			keep.Set(look.Icon{}, lang.L("Random again"), look.Soft)
			keep.OnTapped = func() { set(nil) }
		case used != nil:
			row.Hidden = false
			last.SetText(lang.L("Last answer: {{.Seed}}", map[string]any{"Seed": strconv.FormatUint(*used, 10)}))
			keep.Set(look.Icon{}, lang.L("Keep"), look.Soft)
			keep.OnTapped = func() { set(used) }
		default:
			row.Hidden = true
		}
		row.Refresh()
	})
}

// usedSeed returns the seed of the last answer.
func (w *window) usedSeed() *uint64 {
	for i := len(w.messages) - 1; i >= 0; i-- {
		if s := w.messages[i].Stats; s != nil {
			return &s.Seed
		}
	}
	return nil
}

// stopRow adds the strings that end an answer, one in a line.
func (p *parameters) stopRow() {
	name := lang.L("Stop at")
	var base app.Parameters
	e := newEntry("", p.w.shortcut)
	e.MultiLine = true
	e.SetMinRowsVisible(2)
	e.OnChanged = func(text string) {
		if p.showing {
			return
		}
		p.later(func() {
			var list []string
			for line := range strings.SplitSeq(text, "\n") {
				if line != "" {
					list = append(list, strings.ReplaceAll(line, `\n`, "\n"))
				}
			}
			p.change(name, func(x *app.Parameters) { x.Stop = list })
		})
	}
	e.lost = p.commit
	e.key = func(k *fyne.KeyEvent) bool { p.escapeKey(k); return k.Name == fyne.KeyEscape }
	h := p.head(name, nil, func() { p.unsaved = nil; p.change("", func(x *app.Parameters) { x.Stop = base.Stop }) })
	p.list.Add(container.New(layout.NewCustomPaddedVBoxLayout(-2), h.box, e,
		caption(lang.L("Texts that end an answer, one in a line, at most {{.Count}}. \\n is a line break.", map[string]any{"Count": app.MaxStops}))))
	p.rows = append(p.rows, func(x, b app.Parameters) {
		base = b
		h.differs(!slices.Equal(x.Stop, b.Stop))
		var lines []string
		for _, s := range x.Stop {
			lines = append(lines, strings.ReplaceAll(s, "\n", `\n`))
		}
		if text := strings.Join(lines, "\n"); !p.focused(e) && e.Text != text {
			e.SetText(text)
		}
	})
}
