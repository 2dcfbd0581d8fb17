.PHONY: .venv
.venv: .venv/.ready
.venv/.ready: requirements.txt pyproject.toml
	@./.ci/make-venv
