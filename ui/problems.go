package ui

import (
	"fyne.io/fyne/v2/lang"

	"burble/app"
)

// problemText says why a model's file can't be used, in the window's language where the reason is one of the usual.
func problemText(f app.ModelFile) string {
	switch f.Err {
	case app.ProblemUnfinished:
		return lang.L("The download of this file has not ended: let the program that began it finish, or delete it.")
	case app.ProblemOurs:
		return lang.L("Burble has not downloaded all of this file yet: Get models… shows how far it is, and goes on with it.")
	case app.ProblemOllama:
		return lang.L("Ollama has not finished downloading it, or has lost its file: run “ollama pull” again.")
	case app.ProblemEmpty:
		return lang.L("The file is empty: delete it, and download it again.")
	case app.ProblemIncomplete:
		return lang.L("The file ends too early: its download was cut, so delete it and download it again.")
	case app.ProblemNotGGUF:
		return lang.L("The file is no GGUF file, whatever its name says: it may be a web page saved in its place.")
	case app.ProblemForbidden:
		return lang.L("Burble is not allowed to read this file: change its permissions.")
	}
	return f.Err
}

// keepText says why Burble doesn't delete a model's file, and what does. guide: it is the built-in guide.
func keepText(f app.ModelFile, guide bool) string {
	switch {
	case guide:
		return lang.L("The built-in guide is part of Burble.")
	case f.Source == app.SourceOllama:
		return lang.L("It belongs to Ollama: “ollama rm {{.Name}}” deletes it.", map[string]any{"Name": f.Name})
	case f.Source == app.SourceHuggingFace:
		return lang.L("It is in the cache of Hugging Face's tools: “hf cache rm” deletes it, with what belongs to it.")
	case f.Source != "" && f.Source != app.SourceAdded:
		return lang.L("It belongs to {{.Program}}: delete it there.", map[string]any{"Program": f.Source})
	}
	return lang.L("It is in none of the folders that you gave to Burble: delete it with your file manager.")
}
