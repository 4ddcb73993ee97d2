#compdef burble
# Completes burble's commands and options, and model files.
_burble() {
	if ((CURRENT == 2)); then
		local -a commands=({{range .Commands}}{{if .Name}}
			'{{.Name}}:{{quote .Does}}'{{end}}{{end}}
		)
		_describe command commands
		_files -g '*.gguf'
		return
	fi
	case $words[2] in{{range .Commands}}{{if .Options}}
	{{.Name}})
		_arguments{{range .Options}} \
			'-{{.Name}}[{{quote .Does}}]{{if .Value}}:{{quote .Value}}:_files{{end}}'{{end}} \
			'*:file:_files'
		;;{{end}}{{end}}
	*) _files ;;
	esac
}
_burble "$@"
