gatewy {}

gateway {
  limit {
    head = "16KiB"
  }
}

modul "catalogue" {}
