package ui

import (
	"encoding/json"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// receiptSheet shows what an answer was made of, and makes it again.
type receiptSheet struct {
	*sheet
	id     int64
	result *widget.Label
	replay *look.Button
}

// openReceipt shows the receipt of an answer.
func (w *window) openReceipt(m app.Message) {
	r, err := w.b.Chats.Receipt(m.ID)
	if err != nil {
		w.report(err)
		return
	}
	x := &receiptSheet{id: m.ID}
	facts := container.New(layout.NewFormLayout())
	for _, f := range receiptFacts(r) {
		name := widget.NewLabel(f[0])
		name.Importance = widget.LowImportance
		value := widget.NewLabel(f[1])
		value.Wrapping, value.Selectable = fyne.TextWrapBreak, true
		facts.Add(name)
		facts.Add(value)
	}
	x.result = widget.NewLabel("")
	x.result.Wrapping = fyne.TextWrapWord
	x.result.Hide()
	x.replay = look.NewButton(look.IconRetry, lang.L("Replay"), look.Primary, func() {
		if err := w.b.Chats.Replay(m.ID); err != nil {
			x.say(sentence(err.Error()), widget.DangerImportance)
			return
		}
		x.replay.SetEnabled(false)
		x.say(lang.L("The answer is being made again…"), widget.MediumImportance)
	})
	copyAll := look.NewButton(look.IconCopy, lang.L("Copy as JSON"), look.Soft, func() {
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			w.report(err)
			return
		}
		w.app.Clipboard().SetContent(string(data))
		w.toast.show(lang.L("Copied."), "", nil)
	})
	bottom := container.NewVBox(x.result, container.NewHBox(copyAll, layout.NewSpacer(), x.replay))
	x.sheet = w.openSheet(lang.L("What this answer was made of"), container.NewVScroll(facts), bottom, fyne.NewSize(680, 620))
	x.sheet.closed = func() { w.receipt = nil }
	w.receipt = x
	w.win.Canvas().Focus(x.replay)
	x.replay.OnKey = func(k *fyne.KeyEvent) { w.escapeKey(k) }
	copyAll.OnKey = x.replay.OnKey
}

func (x *receiptSheet) say(text string, importance widget.Importance) {
	x.result.Importance = importance
	x.result.SetText(text)
	x.result.Show()
	x.popup.Content.Refresh()
}

// replayed shows what came of a replay.
func (x *receiptSheet) replayed(p app.Replay) {
	if p.MessageID != x.id {
		return
	}
	x.replay.SetEnabled(true)
	text, importance := replayText(p)
	x.say(text, importance)
}

// replayText says what came of a replay in a few sentences.
func replayText(p app.Replay) (string, widget.Importance) {
	var lines []string
	importance := widget.SuccessImportance
	switch {
	case p.Err != nil:
		return sentence(lang.L("The answer could not be made again: {{.Reason}}", map[string]any{"Reason": p.Err.Error()})), widget.DangerImportance
	case p.Identical:
		lines = append(lines, lang.L("Identical: all {{.Count}} tokens came out the same.", map[string]any{"Count": countText(p.Same)}))
	default:
		importance = widget.WarningImportance
		lines = append(lines, lang.L("The first {{.Count}} tokens are the same. Then came {{.Is}} instead of {{.Was}}.",
			map[string]any{"Count": countText(p.Same), "Is": replayedToken(p.Is.ID, p.Is.Text, p.Is.P), "Was": replayedToken(p.Was.ID, p.Was.Text, p.Was.P)}))
	}
	if len(p.Changed) > 0 {
		lines = append(lines, lang.L("What is not as it was: {{.Changes}}.", map[string]any{"Changes": strings.Join(p.Changed, "; ")}))
	}
	return strings.Join(lines, "\n"), importance
}

func replayedToken(id int32, text string, p float32) string {
	switch {
	case id < 0:
		return lang.L("the end of the answer")
	case text == "":
		return lang.L("token {{.ID}}", map[string]any{"ID": id})
	}
	return fmt.Sprintf("%q (%s)", text, likelihood(p))
}

// likelihood writes a probability.
func likelihood(p float32) string {
	switch {
	case p >= 0.9995:
		return "100 %"
	case p < 0.0005:
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}

// receiptFacts lists names and values.
func receiptFacts(r app.Receipt) [][2]string {
	var list [][2]string
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	add(lang.L("Model"), strings.TrimSpace(r.Model+"  "+r.Architecture+"  "+r.Quantisation))
	add(lang.L("File"), r.File)
	add(lang.L("Size of the file"), bytesText(r.Bytes))
	var sums []string
	for _, h := range r.Hashes {
		sums = append(sums, h.SHA256)
	}
	if sums == nil && r.File != "" {
		sums = append(sums, lang.L("being computed: open the receipt again in a while"))
	}
	add("SHA-256", strings.Join(sums, "\n"))
	device := r.Device
	if r.GPULayers > 0 {
		device = lang.L("{{.Device}}, {{.Layers}} layers on the GPU", map[string]any{"Device": r.Device, "Layers": r.GPULayers})
	}
	add(lang.L("Device"), device)
	add(lang.L("Driver"), r.Driver)
	add(lang.L("Build"), "Burble "+r.Build)
	add(lang.L("KV cache"), strings.ToUpper(r.KVType))
	if r.Sampling.Seed != nil {
		add(lang.L("Seed"), fmt.Sprint(*r.Sampling.Seed))
	}
	add(lang.L("Sampling"), r.Chain)
	if s := r.Stats; s != nil {
		add(lang.L("Speed"), lang.L("{{.Decode}} tokens/s, prompt {{.Prompt}} tokens/s, first word after {{.First}}", map[string]any{
			"Decode": rateText(s.DecodeRate()), "Prompt": rateText(s.PromptRate()), "First": shortText(s.FirstToken)}))
		add(lang.L("Prompt"), lang.L("{{.Count}} tokens, {{.Reused}} of them reused", map[string]any{"Count": countText(s.PromptTokens), "Reused": countText(s.Reused)}))
	}
	add(lang.L("Prompt tokens"), idsText(r.Prompt))
	answer := idsText(r.Tokens)
	if r.Begun > 0 {
		answer = lang.L("{{.Count}} of them given", map[string]any{"Count": r.Begun}) + ": " + answer
	}
	add(lang.L("Answer tokens"), answer)
	return list
}

// idsText lists tokens, not all where there are many: Copy as JSON has them all.
func idsText(ids []int32) string {
	const most = 400
	var b strings.Builder
	for i, id := range ids {
		if i == most {
			fmt.Fprintf(&b, " … (%s)", countText(len(ids)))
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, id)
	}
	return b.String()
}
