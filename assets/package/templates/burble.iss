; Inno Setup 6: run in the folder that holds burble.exe and burble.ico.
[Setup]
AppId={{print "{{"}}{{.ID}}}
AppName={{.Name}}
AppVersion={{.Version}}
DefaultDirName={autopf}\{{.Name}}
DefaultGroupName={{.Name}}
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
OutputBaseFilename=burble-{{.Version}}-windows-amd64-setup
SetupIconFile=burble.ico
UninstallDisplayIcon={app}\burble.exe
LicenseFile=LICENSE
ChangesAssociations=yes

[Files]
Source: "burble.exe"; DestDir: "{app}"
Source: "LICENSE"; DestDir: "{app}"
Source: "licences.txt"; DestDir: "{app}"

[Icons]
Name: "{group}\{{.Name}}"; Filename: "{app}\burble.exe"

[Tasks]
Name: "associate"; Description: "Open .gguf files with {{.Name}}"

[Registry]
Root: HKA; Subkey: "Software\Classes\.gguf\OpenWithProgids"; ValueType: string; ValueName: "{{.ID}}.gguf"; ValueData: ""; Flags: uninsdeletevalue; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{{.ID}}.gguf"; ValueType: string; ValueData: "GGUF language model"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\{{.ID}}.gguf\shell\open\command"; ValueType: string; ValueData: """{app}\burble.exe"" ""%1"""; Tasks: associate
