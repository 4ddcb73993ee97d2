package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

// memoryText says how much of a GPU's memory is in use: "5.1 of 24.0 GiB in use". It is empty for the CPU, whose memory is
// everybody's, and where the GPU doesn't tell.
func memoryText(m inference.ModelInfo) string {
	if m.GPULayers == 0 || m.DeviceMemory.Total <= 0 || m.DeviceMemory.Free < 0 {
		return ""
	}
	const gib = 1 << 30
	return lang.L("{{.Used}} of {{.Total}} GiB in use", map[string]any{
		"Used":  tenthsText(float64(m.DeviceMemory.Total-m.DeviceMemory.Free) / gib),
		"Total": tenthsText(float64(m.DeviceMemory.Total) / gib),
	})
}

// firstSentence is what fits a line about a longer explanation.
func firstSentence(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if i := strings.Index(s, ". "); i >= 0 {
		s = s[:i+1]
	}
	const most = 140
	if r := []rune(s); len(r) > most {
		s = strings.TrimSpace(string(r[:most])) + "…"
	}
	return s
}

// warn shows the first sentence of a warning, with the rest behind a button.
func (w *window) warn(text string) {
	short := firstSentence(text)
	if short == strings.TrimSpace(text) && !strings.Contains(text, "GPU") {
		w.toast.show(short, "", nil)
		return
	}
	w.toast.show(short, lang.L("Details"), func() { w.showDetails(lang.L("What happened"), text) })
}

// showDetails shows a text that can be selected and copied, and offers a report about the GPU.
func (w *window) showDetails(title, text string) {
	label := widget.NewLabel(text)
	label.Wrapping, label.Selectable = fyne.TextWrapWord, true
	scroll := container.NewVScroll(label)
	scroll.SetMinSize(fyne.NewSize(460, 180))
	copyText := look.NewButton(look.IconCopy, lang.L("Copy"), look.Soft, func() { w.app.Clipboard().SetContent(text) })
	report := look.NewButton(look.Icon{}, lang.L("Save a report…"), look.Soft, w.saveReport)
	d := dialog.NewCustom(title, lang.L("Close"), container.NewBorder(nil, container.NewHBox(copyText, report, layout.NewSpacer()), nil, nil, scroll), w.win)
	d.Resize(fyne.NewSize(min(560, w.win.Canvas().Size().Width-40), 340))
	d.Show()
}

// saveReport asks for a file and writes the diagnostic report to it. The driver is asked in the background: it may be slow.
func (w *window) saveReport() {
	w.saveFile("burble-report.txt", w.b.Models.Report, func(path string) string {
		return lang.L("The report is in {{.Path}}. It holds no conversation.", map[string]any{"Path": path})
	})
}

// devices adds the setting that says where a model runs. The devices are asked for in the background, because drivers may be
// slow, and join the choice when they are known.
func (s *settingsDialog) devices() {
	labels, values := []string{lang.L("Automatic"), lang.L("Processor"), lang.L("Graphics card")}, []string{"auto", "cpu", "gpu"}
	c := newKeySelect(labels, s.escapeKey)
	show := func(device string) {
		c.PlaceHolder = device // one that is not in the list yet
		if i := slices.Index(values, device); i >= 0 && i != c.SelectedIndex() {
			c.SetSelectedIndex(i)
		}
	}
	set := setting(s, lang.L("Device"), lang.L("Counts when a model is loaded."), filledSelect(c), func(v *app.Values) *string { return &v.Device }, show)
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 {
			set(values[i])
		}
	}
	s.device = c
	note := widget.NewLabel("")
	note.SizeName, note.Importance, note.Wrapping = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapWord
	note.Hide()
	s.list.Add(note)
	s.deviceNote = note
	s.w.spawn(func() { // ends when the drivers have answered
		found, why := s.w.b.Models.Devices()
		fyne.Do(func() {
			for _, d := range found {
				if d.Kind == "gpu" && !slices.Contains(values, d.Name) {
					labels, values = append(labels, d.Name), append(values, d.Name)
				}
			}
			c.SetOptions(labels)
			show(s.w.b.Settings.Get().Device)
			if why != "" {
				note.SetText(firstSentence(sentence(why)))
				note.Show()
			}
		})
	})
}
