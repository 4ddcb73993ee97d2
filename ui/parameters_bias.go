package ui

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

const (
	maxBias       = 100 // further than any logits are apart
	tokensAtOnce  = 16  // of a text that gets a bias
	firstBias     = "-100"
	shownOfTokens = 40 // characters of a token
)

// biasRows are the tokens with a bias of their own, and a line to add some.
type biasRows struct {
	p       *parameters
	list    *fyne.Container
	rows    map[int32]*biasRow
	text    *entry // of what is to be added
	value   *entry
	add     *look.Button
	preview *widget.Label
	head    *rowHead
	base    app.Parameters
}

// biasRow is a token and its bias.
type biasRow struct {
	box   *fyne.Container
	name  *widget.Label
	value *entry
	now   float32
}

// biasRow adds the logit bias.
func (p *parameters) biasRow() {
	b := &biasRows{p: p, rows: map[int32]*biasRow{}, list: container.New(layout.NewCustomPaddedVBoxLayout(2))}
	b.head = p.head(lang.L("Logit bias"), nil, func() {
		p.change("", func(x *app.Parameters) { x.Sampling.LogitBias = maps.Clone(b.base.Sampling.LogitBias) })
	})
	escape := func(k *fyne.KeyEvent) bool { p.escapeKey(k); return k.Name == fyne.KeyEscape }
	b.text, b.value = newEntry(lang.L("Word or piece"), p.w.shortcut), newEntry("", p.w.shortcut)
	b.text.key, b.value.key = escape, escape
	b.value.SetText(firstBias)
	b.text.OnChanged = func(string) { b.show() }
	b.text.OnSubmitted = func(string) { b.take() }
	b.value.OnSubmitted = b.text.OnSubmitted
	b.add = look.NewButton(look.Icon{}, lang.L("Add"), look.Soft, b.take)
	b.add.Height, b.add.TextSize, b.add.OnKey = 30, 13, p.escapeKey
	b.preview = caption("")
	line := container.NewBorder(nil, nil, nil, container.NewHBox(container.New(fixedWidth(64), b.value), container.NewCenter(b.add)), b.text)
	p.list.Add(container.New(layout.NewCustomPaddedVBoxLayout(-2), b.head.box, b.list, container.New(layout.NewCustomPaddedLayout(5, 2, 0, 0), line), b.preview,
		caption(lang.L("Above 0 makes tokens likelier, below 0 rarer, and −100 forbids them. Each token of the text gets it, and a blank before a word is part of it. Another model has other tokens."))))
	p.rows = append(p.rows, func(x, base app.Parameters) {
		b.base = base
		b.head.differs(!maps.Equal(x.Sampling.LogitBias, base.Sampling.LogitBias))
		b.fill(x.Sampling.LogitBias)
		b.show()
	})
}

// tokens are those of what is to be added. problem says why there are none.
func (b *biasRows) tokens() (list []inference.Alternative, problem string) {
	if b.text.Text == "" {
		return nil, ""
	}
	list, ok := b.p.w.b.Models.Tokens(strings.ReplaceAll(b.text.Text, `\n`, "\n"))
	switch {
	case !ok:
		return nil, lang.L("Only a model file that is loaded tells its tokens.")
	case len(list) > tokensAtOnce:
		return nil, lang.L("These are {{.Count}} tokens; {{.Most}} at once are the most.", map[string]any{"Count": countText(len(list)), "Most": tokensAtOnce})
	}
	return list, ""
}

// show shows the tokens of what is to be added.
func (b *biasRows) show() {
	list, problem := b.tokens()
	var names []string
	for _, t := range list {
		names = append(names, shownToken(t.Text))
	}
	text := problem
	if len(names) > 0 {
		text = lang.N("{{.Count}} tokens: {{.Tokens}}", len(names), map[string]any{"Count": len(names), "Tokens": strings.Join(names, "  ")})
	}
	if b.preview.Text != text {
		b.preview.SetText(text)
	}
	if b.preview.Hidden != (text == "") {
		b.preview.Hidden = text == ""
		b.p.list.Refresh()
	}
	b.add.SetEnabled(len(list) > 0)
}

// shownToken is a token's text with its blanks visible, and not too long.
func shownToken(text string) string {
	text = tokenText(text)
	if r := []rune(text); len(r) > shownOfTokens {
		text = string(r[:shownOfTokens-1]) + "…"
	}
	return text
}

// take gives the tokens of the text the bias beside it.
func (b *biasRows) take() {
	list, _ := b.tokens()
	bias, ok := b.number(b.value.Text)
	if !ok || len(list) == 0 {
		return
	}
	b.p.change("", func(x *app.Parameters) {
		all := maps.Clone(x.Sampling.LogitBias)
		if all == nil {
			all = map[int32]float32{}
		}
		for _, t := range list {
			all[t.ID] = bias
		}
		x.Sampling.LogitBias = all
	})
	b.text.SetText("")
	b.p.w.win.Canvas().Focus(b.text)
}

// number reads a bias, or says what is wrong with it.
func (b *biasRows) number(text string) (bias float32, ok bool) {
	f, err := strconv.ParseFloat(strings.NewReplacer("−", "-", ",", ".", " ", "").Replace(text), 32)
	if err != nil || f < -maxBias || f > maxBias || f != f {
		b.p.w.toast.show(sentence(lang.L("{{.Name}} is a number from {{.From}} to {{.To}}", map[string]any{"Name": lang.L("Logit bias"), "From": -maxBias, "To": maxBias})), "", nil)
		return 0, false
	}
	return float32(f), true
}

// fill brings the list in line with the biases. What is being typed is left alone.
func (b *biasRows) fill(all map[int32]float32) {
	ids := slices.Sorted(maps.Keys(all))
	for id := range b.rows {
		if _, has := all[id]; !has {
			delete(b.rows, id)
		}
	}
	objects := make([]fyne.CanvasObject, 0, len(ids))
	for _, id := range ids {
		row := b.rows[id]
		if row == nil {
			row = b.newRow(id)
			b.rows[id] = row
		}
		name := "#" + strconv.Itoa(int(id))
		if text, ok := b.p.w.b.Models.TokenText(id); ok {
			name = shownToken(text)
		}
		if row.name.Text != name {
			row.name.SetText(name)
		}
		if row.now = all[id]; !b.p.focused(row.value) {
			was := b.p.showing
			b.p.showing = true
			row.value.SetText(strconv.FormatFloat(float64(row.now), 'f', -1, 32))
			b.p.showing = was
		}
		objects = append(objects, row.box)
	}
	if !slices.Equal(objects, b.list.Objects) {
		b.list.Objects = objects
		b.list.Refresh()
	}
}

// newRow makes the line of a token.
func (b *biasRows) newRow(id int32) *biasRow {
	row := &biasRow{name: widget.NewLabel("")}
	row.name.TextStyle.Monospace, row.name.Truncation = true, fyne.TextTruncateEllipsis
	set := func(bias float32) {
		b.p.change("bias "+strconv.Itoa(int(id)), func(x *app.Parameters) {
			if _, there := x.Sampling.LogitBias[id]; there {
				x.Sampling.LogitBias = maps.Clone(x.Sampling.LogitBias)
				x.Sampling.LogitBias[id] = bias
			}
		})
	}
	e := newEntry("", b.p.w.shortcut)
	enter := func() {
		b.p.unsaved = nil
		if bias, ok := b.number(e.Text); ok {
			set(bias)
		} else {
			e.SetText(strconv.FormatFloat(float64(row.now), 'f', -1, 32))
		}
	}
	e.OnSubmitted = func(string) { enter() }
	e.OnChanged = func(string) {
		if !b.p.showing {
			b.p.unsaved = enter
		}
	}
	e.lost = b.p.commit
	e.key = func(k *fyne.KeyEvent) bool { b.p.escapeKey(k); return k.Name == fyne.KeyEscape }
	row.value = e
	remove := look.NewIconButton(look.IconClose, func() {
		b.p.unsaved = nil
		b.p.change("", func(x *app.Parameters) {
			all := maps.Clone(x.Sampling.LogitBias)
			delete(all, id)
			if len(all) == 0 {
				all = nil
			}
			x.Sampling.LogitBias = all
		})
	})
	remove.Height, remove.OnKey = 26, b.p.escapeKey
	row.box = container.NewBorder(nil, nil, nil, container.NewHBox(container.New(fixedWidth(64), e), container.NewCenter(remove)), row.name)
	revealFocus(b.p.scroll, row.box)
	return row
}
