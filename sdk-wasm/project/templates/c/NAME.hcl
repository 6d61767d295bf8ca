# What to write into the gateway's configuration.

gateway {
  plugins = "plugins" # the folder with NAME.wasm
}

module "NAME" {
  adapter = "NAME"

  # plugin {
  #   config   = jsonencode({})  # a text for the adapter
  #   on_error = "fail"          # or "skip": go on without it
  #   sha256   = "..."           # modgate plugin check prints it
  # }
}
