package ui

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/ui/look"
)

// detailsDialog shows what there is to know of a model's file: where it fits and why, metadata, chat template, tensors.
type detailsDialog struct {
	p       *picker
	d       app.Details
	popup   *widget.PopUp
	tabs    *container.AppTabs
	facts   *fyne.Container
	search  *entry
	fields  []app.Field // of the metadata, that the search leaves
	list    *widget.List
	hash    *widget.Label
	hashing context.CancelFunc // ends the reading of the file; nil: none is under way
	note    *widget.Label
}

func newDetails(p *picker, f app.ModelFile) *detailsDialog {
	x := &detailsDialog{p: p}
	d, err := p.w.b.Models.Details(f.Path)
	d.File = f
	x.d, x.fields = d, d.Metadata
	x.build(err)
	x.popup.Show()
	p.w.win.Canvas().Focus(x.search)
	return x
}

func (x *detailsDialog) build(problem error) {
	f := x.d.File
	title := widget.NewLabelWithStyle(f.Name, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName, title.Truncation = theme.SizeNameSubHeadingText, fyne.TextTruncateEllipsis
	shut := look.NewIconButton(look.IconClose, x.close)
	shut.OnKey = x.key

	x.facts = container.New(layout.NewFormLayout())
	x.overview(problem)
	over := container.NewVScroll(x.facts)

	x.search = newEntry(lang.L("Find a key or a value"), x.p.w.shortcut)
	x.search.key = func(k *fyne.KeyEvent) bool { return x.p.w.escapeKey(k) }
	x.search.OnChanged = func(string) { x.find() }
	x.list = widget.NewList(func() int { return len(x.fields) },
		func() fyne.CanvasObject { return newFieldRow() },
		func(i widget.ListItemID, o fyne.CanvasObject) { showField(o, x.fields[i]) })
	x.list.HideSeparators = true
	metadata := container.NewBorder(x.search, nil, nil, nil, x.list)

	template := widget.NewLabel(x.d.Template)
	template.TextStyle.Monospace, template.Selectable = true, true
	if x.d.Template == "" {
		template.SetText(lang.L("The file has no chat template: ChatML is used."))
	}
	x.tabs = container.NewAppTabs(
		container.NewTabItem(lang.L("Overview"), over),
		container.NewTabItem(lang.L("Metadata"), metadata),
		container.NewTabItem(lang.L("Chat template"), container.NewScroll(template)),
		container.NewTabItem(lang.L("Tensors"), container.NewVScroll(container.NewVBox(x.tensors()))),
	)
	x.note = widget.NewLabel("")
	if x.d.Keep != "" {
		x.note.SetText(keepText(f, f.Path == x.p.w.b.Models.Guide()))
	}
	x.note.Importance, x.note.Wrapping, x.note.SizeName = widget.LowImportance, fyne.TextWrapWord, theme.SizeNameCaptionText
	x.note.Hidden = x.d.Keep == ""
	open := look.NewButton(look.IconModel, lang.L("Open"), look.Primary, func() { x.close(); x.p.load(f) })
	reveal := look.NewButton(look.IconFolder, lang.L("Show in folder"), look.Soft, x.reveal)
	remove := look.NewButton(look.Icon{}, lang.L("Delete the file…"), look.Soft, x.remove)
	remove.SetEnabled(x.d.Keep == "")
	for _, b := range []*look.Button{open, reveal, remove} {
		b.OnKey = x.key
	}
	bottom := container.New(layout.NewCustomPaddedLayout(8, 0, 0, 0), container.NewVBox(x.note, container.NewHBox(remove, layout.NewSpacer(), reveal, open)))
	content := container.NewBorder(container.NewBorder(nil, nil, nil, shut, title), bottom, nil, nil, x.tabs)
	x.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), content), x.p.w.win.Canvas())
	size := x.p.w.win.Canvas().Size()
	x.popup.Resize(fyne.NewSize(min(size.Width-48, 720), min(size.Height-48, 560)))
}

// overview lists the facts that people look for.
func (x *detailsDialog) overview(problem error) {
	f := x.d.File
	add := func(name string, value fyne.CanvasObject) {
		l := widget.NewLabel(name)
		l.Importance = widget.LowImportance
		x.facts.Add(l)
		x.facts.Add(value)
	}
	text := func(name, value string) {
		if value == "" {
			return
		}
		l := widget.NewLabel(value)
		l.Wrapping, l.Selectable = fyne.TextWrapWord, true
		add(name, l)
	}
	if f.Err != "" {
		text(lang.L("Problem"), problemText(f))
	} else if problem != nil {
		text(lang.L("Problem"), problem.Error())
	}
	text(lang.L("Architecture"), f.Architecture)
	text(lang.L("Parameters"), parametersText(f.Parameters))
	text(lang.L("Quantisation"), f.Quantisation)
	text(lang.L("Size of the file"), bytesText(f.Bytes))
	if f.Context > 0 {
		text(lang.L("Longest context"), lang.L("{{.Count}} tokens", map[string]any{"Count": countText(f.Context)}))
	}
	if f.Memory > 0 {
		text(lang.L("Memory it takes"), lang.L("{{.Total}}: weights {{.Weights}}, KV cache of {{.Context}} tokens {{.Cache}}, work {{.Work}}", map[string]any{
			"Total": bytesText(f.Memory), "Weights": bytesText(f.Need.Weights), "Context": countText(f.Need.Context),
			"Cache": bytesText(f.Need.Cache), "Work": bytesText(f.Need.Work)}))
	}
	if fit, _ := fitText(f.Fit); fit != "" {
		text(lang.L("Here"), fit+". "+roomText(x.p.w.b.Models.Room())+".")
	}
	if info, ok := x.p.w.b.Models.Current(); ok && info.Path == f.Path && info.Measured > 0 {
		text(lang.L("Memory it took"), bytesText(info.Measured))
	}
	text(lang.L("Licence"), x.d.Licence)
	text(lang.L("Author"), x.d.Author)
	if u, err := url.Parse(x.d.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		add(lang.L("Page"), widget.NewHyperlink(x.d.URL, u))
	}
	text(lang.X("Description of a model", "Description"), x.d.About)
	text(lang.L("Found by"), sourceText(f.Source))
	home, _ := os.UserHomeDir() // without one, paths are shown in full
	var paths []string
	for _, p := range x.d.Paths {
		paths = append(paths, homeText(p, home))
	}
	text(lang.L("File"), strings.Join(paths, "\n"))
	x.hash = widget.NewLabel("")
	x.hash.Wrapping, x.hash.Selectable = fyne.TextWrapBreak, true
	compute := look.NewButton(look.Icon{}, lang.L("Compute"), look.Soft, nil)
	compute.OnTapped = func() { compute.SetEnabled(false); x.computeHash() }
	compute.OnKey = x.key
	if f.Err == "" {
		add("SHA-256", container.NewBorder(nil, nil, container.NewCenter(compute), nil, x.hash))
	}
}

// computeHash reads the whole file beside the window.
func (x *detailsDialog) computeHash() {
	ctx, end := context.WithCancel(context.Background())
	x.hashing = end
	x.hash.SetText(lang.L("Reading the file…"))
	path := x.d.Paths[0]
	x.p.w.spawn(func() {
		sum, err := x.p.w.b.Models.Hash(ctx, path)
		if ctx.Err() != nil {
			return
		}
		fyne.Do(func() {
			if err != nil {
				sum = sentence(err.Error())
			}
			x.hash.SetText(sum)
		})
	})
}

// tensors is the table of types.
func (x *detailsDialog) tensors() fyne.CanvasObject {
	table := container.New(layout.NewGridLayoutWithColumns(3))
	cell := func(text string, bold bool) {
		l := widget.NewLabel(text)
		l.TextStyle.Bold = bold
		table.Add(l)
	}
	for _, head := range []string{lang.L("Type"), lang.L("Tensors"), lang.L("Bytes")} {
		cell(head, true)
	}
	for _, t := range x.d.Types {
		cell(t.Type, false)
		cell(fmt.Sprint(t.Tensors), false)
		cell(bytesText(t.Bytes), false)
	}
	return table
}

// newFieldRow is a line of the metadata: key and value beside each other.
func newFieldRow() fyne.CanvasObject {
	key, value := canvas.NewText("", nil), widget.NewLabel("")
	key.TextSize = 12
	value.Truncation, value.SizeName = fyne.TextTruncateEllipsis, theme.SizeNameCaptionText
	return container.NewGridWithColumns(2, container.NewHBox(key), value)
}

func showField(o fyne.CanvasObject, f app.Field) {
	row := o.(*fyne.Container)
	key := row.Objects[0].(*fyne.Container).Objects[0].(*canvas.Text)
	key.Text, key.Color = f.Key, look.Color(look.ColorMuted)
	if len(key.Text) > 44 {
		key.Text = key.Text[:43] + "…"
	}
	key.Refresh()
	row.Objects[1].(*widget.Label).SetText(strings.ReplaceAll(f.Value, "\n", " "))
}

// find shows the metadata that the search leaves.
func (x *detailsDialog) find() {
	query := strings.ToLower(strings.TrimSpace(x.search.Text))
	x.fields = slices.Clone(x.d.Metadata)
	x.fields = slices.DeleteFunc(x.fields, func(f app.Field) bool {
		return !strings.Contains(strings.ToLower(f.Key+" "+f.Value), query)
	})
	x.list.Refresh()
}

// reveal opens the file's folder in the file manager.
func (x *detailsDialog) reveal() {
	folder := filepath.ToSlash(filepath.Dir(x.d.Paths[0]))
	if !strings.HasPrefix(folder, "/") {
		folder = "/" + folder // C:/…
	}
	if err := x.p.w.app.OpenURL(&url.URL{Scheme: "file", Path: folder}); err != nil {
		x.p.w.report(err)
	}
}

// remove deletes the file, after a question: it can't be had back.
func (x *detailsDialog) remove() {
	text := lang.L("Delete {{.Name}} from the disk? This can't be undone, and frees {{.Size}}.", map[string]any{"Name": x.d.File.Name, "Size": bytesText(x.d.File.Bytes)})
	d := dialog.NewConfirm(lang.L("Delete the model's file"), text, func(yes bool) {
		if !yes {
			return
		}
		if err := x.p.w.b.Models.Delete(x.d.File.Path); err != nil {
			x.note.SetText(sentence(err.Error()))
			x.note.Importance = widget.DangerImportance
			x.note.Show()
			return
		}
		x.close()
	}, x.p.w.win)
	d.SetConfirmText(lang.L("Delete"))
	d.SetConfirmImportance(widget.DangerImportance)
	d.Show()
}

func (x *detailsDialog) key(k *fyne.KeyEvent) { x.p.w.escapeKey(k) }

func (x *detailsDialog) close() {
	if x.hashing != nil {
		x.hashing()
	}
	x.popup.Hide()
	x.p.details = nil
	x.p.w.win.Canvas().Focus(x.p.search)
}
