// Written by `byway types`. Changes here are lost; run it again when routes are added.
//
// Declarations of what byway gives to the project's code, for projects that do not install `next`.

/// <reference types="node" />
