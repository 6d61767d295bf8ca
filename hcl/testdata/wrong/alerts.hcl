alert "nobody" {}

alert "both" {
  webhook {
    url = "https://hooks.example.org/modgate"
  }
  mail {
    server = "smtp.example.org:587"
  }
}

alert "webhook" {
  severity = "fatal"
  webhook {
    url    = "hooks.example.org"
    secret = "short"
  }
}

alert "mail" {
  mail {
    server   = "smtp.example.org"
    from     = "modgate"
    to       = ["a@example.org", "Night Watch <b@example.org>"]
    username = "modgate"
    security = "ssl"
  }
}

alert "letter" {
  mail {
    server = "smtp.example.org:587"
    from   = "modgate@example.org"
  }
}

alert "letter" {
  post = "https://example.org"
}
