variable "port" {
  type    = number
  default = 80

  validation {
    condition     = var.port > 1024
    error_message = "Port ${var.port} wants a privileged user"
  }
  validation {
    condition     = var.port % 2 == 1
    error_message = "Even ports are the test platform's."
  }
}

variable "host" {
  default = "localhost"
  validation {
    condition     = var.host != var.port
    error_message = "No."
  }
  validation {
    condition     = "perhaps"
    error_message = "No."
  }
  validation {
    condition = true
  }
}

variable "password" {
  default   = "swordfish"
  sensitive = true

  validation {
    condition     = length(split("", var.password)) > 12
    error_message = "${var.password} is too short."
  }
}

variable "token" {
  sensitive = "very"
  default   = "x"
}

locals {
  command = "-p${var.password}"
}

gateway {
  listen = "${var.password}:x"
}

module "loans" {
  grace   = var.password
  callers = local.command
}
