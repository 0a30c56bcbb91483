"""How commands print: lines, tables, JSON and help, with what users named shown as text."""
