variable "host" {
  type = string
}

variable "port" {
  type    = number
  default = "many"
}

variable "folder" {
  default = var.host
}

variable "mode" {
  kind = string
}

gateway {
  listen   = "${var.hots}:${var.port}"
  data_dir = var.folder
  policies = var
}
