//! Every named maximum and the settings of a server.
