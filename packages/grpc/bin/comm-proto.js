#!/usr/bin/env node
// In place before anything is built, so that package managers can link it.
import '../dist/proto/main.js'
